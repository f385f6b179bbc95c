import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { type ContainerRecord, START_SOCKET, type Status } from './record.ts'

/** A line of /proc/PID/stat, as far as it matters; see proc_pid_stat(5). */
export interface ProcessStat {
  readonly state: string
  readonly startTime: string
}

/** The state and start time of a process; undefined when there is none. */
export function processStat(outside: Kernel, pid: number): ProcessStat | undefined {
  const line = outside.readTextIfAny(AT_FDCWD, `/proc/${pid}/stat`)
  if (line === undefined) return undefined
  // The second field is a name in parentheses that may hold blanks and parentheses itself.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0] ?? '?', startTime: fields[19] ?? '' }
}

/** Is the container's first process alive: there, the same one, and not waiting to be reaped? */
export function isAlive(outside: Kernel, record: ContainerRecord): boolean {
  const stat = processStat(outside, record.pid)
  return stat !== undefined && stat.startTime === record.startTime && !'ZXx'.includes(stat.state)
}

/** Where the container is in its life, found out from the kernel and not from what was written down. */
export function computeStatus(outside: Kernel, directory: string, record: ContainerRecord): Status {
  if (!isAlive(outside, record)) return 'stopped'
  if (outside.statx(AT_FDCWD, `${directory}/${START_SOCKET}`).stat !== undefined) return 'created'
  return isFrozen(outside, record.cgroup) ? 'paused' : 'running'
}

/** cgroup.events says `frozen 1`; see cgroup-v2.rst, core interface files. */
export function isFrozen(outside: Kernel, cgroup: string | undefined): boolean {
  if (cgroup === undefined) return false
  return /^frozen 1$/m.test(outside.readTextIfAny(AT_FDCWD, `${cgroup}/cgroup.events`) ?? '')
}
