import { doing } from '../errors.ts'
import { startContainer } from '../execute/start.ts'
import type { Verb } from './commands.ts'
import { checkId } from './id.ts'

export const verb: Verb<'start'> = (runtime, _options, positionals) => {
  const id = checkId(positionals[0]!)
  doing(`start \`${id}\``, () => startContainer(runtime, id))
}
