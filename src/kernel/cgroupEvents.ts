import type { CgroupStats, Counters } from './cgroupStats.ts'

/** What happens to a container. */
export type ContainerEvent =
  /** Its numbers at this moment, and how many processes it has. */
  | { readonly type: 'stats'; readonly stats: CgroupStats; readonly processes: number }
  /** memory.events or pids.events has changed, a limit was met. */
  | { readonly type: 'memory' | 'pids'; readonly events: Counters }
  /** The kernel has killed so many more of its processes for lack of memory. */
  | { readonly type: 'oom'; readonly kills: number }
  | { readonly type: 'paused' | 'resumed' }
  /** All its processes are gone; the code of the first one, if that is to be known. */
  | { readonly type: 'exit'; readonly code: number | undefined }

/** What a file of a cgroup, whose counters were `before` and are `after` now, tells; see cgroup-v2.rst. */
export type EventReader = (before: Counters, after: Counters) => ContainerEvent[]

/** The files that the kernel lets poll(2) wait for, by name. */
export const readings: Readonly<Record<string, EventReader>> = {
  'memory.events': (before, after) => [
    ...(differ(before, after) ? [{ type: 'memory', events: after } as const] : []),
    ...oomKills((after['oom_kill'] ?? 0) - (before['oom_kill'] ?? 0)),
  ],
  'pids.events': (before, after) => (differ(before, after) ? [{ type: 'pids', events: after }] : []),
  'cgroup.events': ({ frozen: before }, { frozen: after, populated }) =>
    // Without processes it is neither, and a cgroup that has been removed tells nothing.
    before === after || populated !== 1 ? [] : [{ type: after === 1 ? 'paused' : 'resumed' }],
}

function oomKills(kills: number): ContainerEvent[] {
  return kills > 0 ? [{ type: 'oom', kills }] : []
}

function differ(before: Counters, after: Counters): boolean {
  return Object.keys(after).some(name => after[name] !== before[name])
}
