import { doing } from '../errors.ts'
import { containerState } from '../execute/state.ts'
import type { Verb } from './commands.ts'
import { checkId } from './id.ts'

export const verb: Verb<'state'> = (runtime, _options, positionals) => {
  const id = checkId(positionals[0]!)
  const state = doing(`state of \`${id}\``, () => containerState(runtime, id))
  runtime.write(`${JSON.stringify(state, undefined, 2)}\n`)
}
