import { checkId } from '../../../config/id.ts'
import { stringify } from '../../../config/json.ts'
import { containerStats, openWatch, watchContainer } from '../../../container/events.ts'
import { doing, UsageError } from '../../../errors.ts'
import type { ContainerEvent } from '../../../kernel/cgroupEvents.ts'
import { runcStats } from '../../../state/runcStats.ts'
import { parseDuration } from '../../line/duration.ts'
import type { Verb } from '../../verb.ts'

/** What a line says of an event; undefined for those that a format does not tell. */
type Format = (id: string, event: ContainerEvent) => object | undefined

const FORMATS: Readonly<Record<'runc' | 'v2', Format>> = {
  runc: (id, event) => {
    if (event.type === 'oom') return { type: 'oom', id }
    if (event.type !== 'stats') return undefined
    return { type: 'stats', id, data: runcStats(event.stats, event.processes) }
  },
  v2: (id, event) => ({ time: new Date().toISOString(), id, type: event.type, ...details(event) }),
}

/** What is told beside the type, with null for an exit code that nobody knows. */
function details(event: ContainerEvent): object {
  const { type: _type, ...data } = event
  if (event.type === 'stats') return { data: event.stats }
  if (event.type === 'memory' || event.type === 'pids') return { data: event.events }
  if (event.type === 'exit') return { data: { code: event.code ?? null } }
  return Object.keys(data).length === 0 ? {} : { data }
}

export const verb: Verb<'events'> = async (runtime, options, positionals) => {
  const id = checkId(positionals[0]!)
  const interval = parseDuration(options.interval)
  if (interval === undefined || interval <= 0)
    throw new UsageError(`--interval takes a time such as 5s or 500ms, not \`${options.interval}\``)
  const tell = (event: ContainerEvent) => {
    const line = FORMATS[options.format](id, event)
    if (line !== undefined) runtime.write(`${stringify(line)}\n`)
  }

  if (options.stats) {
    doing(`events of \`${id}\``, () => tell(containerStats(runtime, id)))
    return 0
  }
  const watch = doing(`events of \`${id}\``, () => openWatch(runtime, id))
  await watchContainer(runtime, watch, interval, tell)
  return 0
}
