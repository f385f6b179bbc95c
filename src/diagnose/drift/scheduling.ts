import { IOPRIO_CLASS_SHIFT, ioPriorityClasses } from '../../../native/abi/scheduling/ioprio.ts'
import type { SchedulingPlan } from '../../plan/process/scheduling.ts'
import type { InspectedProcess } from '../inspect.ts'
import type { Comparison, Deviation } from './comparison.ts'

/**
 * How the first process shares processors and disks, compared with process.scheduler and process.ioPriority. Everybody may
 * make himself less important, and have any priority of the class that all are in.
 */
export function schedulingDrift({ runtime: { outside }, record, plan, now, started }: Comparison): Deviation[] {
  const { process } = plan
  if (!started || process === undefined || now.process === undefined) return []
  const { scheduler, ioPriority } = process
  return [
    ...(scheduler === undefined ? [] : schedulerDrift(scheduler, now.process.scheduler)),
    ...(ioPriority === undefined ? [] : ioPriorityDrift(ioPriority.value, outside.ioprioGet(record.pid))),
  ]
}

/** The policies whose processes have a nice value; the others ignore it. */
const FAIR = ['SCHED_OTHER', 'SCHED_BATCH']

/** Flags and what only SCHED_DEADLINE has are not compared: /proc/PID/stat does not tell them. */
export function schedulerDrift(
  wanted: NonNullable<SchedulingPlan['scheduler']>,
  found: InspectedProcess['scheduler'],
): Deviation[] {
  const differs = (key: 'policy' | 'nice' | 'priority', what: string, expected: string | number): Deviation => ({
    pointer: `/process/scheduler/${key}`,
    what,
    expected: `${expected}`,
    found: `${found[key]}`,
  })
  if (wanted.name !== found.policy) return [differs('policy', 'the scheduling policy', wanted.name)]
  const tooNice = FAIR.includes(wanted.name) ? found.nice - wanted.nice : 0
  return [
    ...ranked(differs('nice', 'the nice value', wanted.nice), -tooNice),
    ...ranked(differs('priority', 'the real-time priority', wanted.priority), found.priority - wanted.priority),
  ]
}

/** `excess` is by how much it is more important than asked for. */
function ranked(finding: Deviation, excess: number): Deviation[] {
  if (excess === 0) return []
  return [excess > 0 ? finding : { ...finding, note: true }]
}

/** `found` is undefined when the process has ended. */
export function ioPriorityDrift(wanted: number, found: number | undefined): Deviation[] {
  if (found === undefined || found === wanted) return []
  const finding = {
    pointer: '/process/ioPriority',
    what: 'the I/O priority',
    expected: ioPriorityText(wanted),
    found: ioPriorityText(found),
  }
  // The lower number is served first.
  const isRealTime = found >> IOPRIO_CLASS_SHIFT === ioPriorityClasses.IOPRIO_CLASS_RT
  return [isRealTime && found < wanted ? finding : { ...finding, note: true }]
}

function ioPriorityText(value: number): string {
  const number = value >> IOPRIO_CLASS_SHIFT
  const name = Object.entries(ioPriorityClasses).find(([, one]) => one === number)?.[0] ?? 'IOPRIO_CLASS_NONE'
  return `${name} ${value & ((1 << IOPRIO_CLASS_SHIFT) - 1)}`
}
