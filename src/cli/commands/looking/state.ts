import { checkId } from '../../../config/id.ts'
import { doing } from '../../../errors.ts'
import { containerState } from '../../../state/ociState.ts'
import type { Verb } from '../../verb.ts'

export const verb: Verb<'state'> = (runtime, _options, positionals) => {
  const id = checkId(positionals[0]!)
  const state = doing(`state of \`${id}\``, () => containerState(runtime, id))
  runtime.write(`${JSON.stringify(state, undefined, 2)}\n`)
}
