import { doing } from '../errors.ts'
import { createContainer } from '../execute/create.ts'
import type { Verb } from './commands.ts'
import { checkId } from './id.ts'
import { createRequest } from './request.ts'

export const verb: Verb<'create'> = (runtime, options, positionals) => {
  const id = checkId(positionals[0]!)
  const request = createRequest(options, id, options.bundle || '.')
  doing(`create \`${id}\``, () => createContainer(runtime, request))
}
