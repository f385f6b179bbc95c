import { checkId } from '../../config/id.ts'
import { killContainer } from '../../container/kill.ts'
import { doing, UsageError } from '../../errors.ts'
import { signalNumber } from '../../plan/process/signals.ts'
import { listIds } from '../../state/store.ts'
import type { Verb } from '../commands.ts'
import { forMatching } from '../line/matching.ts'

export const verb: Verb<'kill'> = (runtime, { all, regex }, positionals) => {
  const [id = '', name = 'SIGTERM'] = positionals
  const signal = signalNumber(name)
  if (signal === undefined) throw new UsageError(`unknown signal \`${name}\`: give a name of signal(7) or a number`)
  const kill = (one: string) => doing(`kill \`${one}\``, () => killContainer(runtime, one, signal, all))

  if (regex) forMatching(listIds(runtime.outside, runtime.root), id, kill)
  else kill(checkId(id))
}
