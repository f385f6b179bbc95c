import { signals } from '../../../native/abi/signal.ts'
import { checkId } from '../../config/id.ts'
import { nearest } from '../../config/nearest.ts'
import { killContainer } from '../../container/kill.ts'
import { doing, UsageError } from '../../errors.ts'
import { signalNumber } from '../../plan/process/signals.ts'
import { listIds } from '../../state/store.ts'
import { forMatching } from '../line/matching.ts'
import type { Verb } from '../verb.ts'

export const verb: Verb<'kill'> = (runtime, { all, regex }, positionals) => {
  const [id = '', name = 'SIGTERM'] = positionals
  const signal = signalNumber(name)
  if (signal === undefined) throw new UsageError(`unknown signal \`${name}\`: ${advice(name)}`)
  const kill = (one: string) => doing(`kill \`${one}\``, () => killContainer(runtime, one, signal, all))

  if (regex) forMatching(listIds(runtime.outside, runtime.root), id, kill)
  else kill(checkId(id))
}

/** Names have the form of what was typed, with or without SIG. */
function advice(name: string): string {
  const prefix = /^sig/i.test(name) ? 'SIG' : ''
  const names = Object.keys(signals).map(full => `${prefix}${full.slice(3)}`)
  const meant = nearest(name.toUpperCase(), names)
  return meant === undefined ? 'give a name of signal(7) or a number' : `did you mean \`${meant}\`?`
}
