import { checkId } from '../../config/id.ts'
import { createContainer } from '../../container/create.ts'
import { doing } from '../../errors.ts'
import type { Verb } from '../verb.ts'
import { createRequest } from './request.ts'

export const verb: Verb<'create'> = (runtime, options, positionals) => {
  const id = checkId(positionals[0]!)
  const request = createRequest(options, id, options.bundle || '.')
  doing(`create \`${id}\``, () => createContainer(runtime, request))
}
