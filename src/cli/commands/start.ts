import { checkId } from '../../config/id.ts'
import { startContainer } from '../../container/start.ts'
import { doing } from '../../errors.ts'
import type { Verb } from '../commands.ts'

export const verb: Verb<'start'> = (runtime, _options, positionals) => {
  const id = checkId(positionals[0]!)
  doing(`start \`${id}\``, () => startContainer(runtime, id))
}
