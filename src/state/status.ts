import { EACCES, ENODEV, ENOENT } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_RDONLY } from '../../native/abi/fcntl.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { isErrno } from '../errors.ts'
import { openCgroupFile } from '../kernel/cgroupAccess.ts'
import { type ContainerRecord, INIT_NAME, START_SOCKET, type Status } from './record.ts'

/** A line of /proc/PID/stat, as far as it matters; see proc_pid_stat(5). */
export interface ProcessStat {
  /** The name: of the executable, or what the process has given itself. */
  readonly name: string
  readonly state: string
  readonly startTime: string
  /** Of all threads; one that has only been left by its first thread is a zombie, too. */
  readonly hasEnded: boolean
}

/** The state and start time of a process; undefined when there is none. */
export function processStat(outside: Kernel<'outside'>, pid: number): ProcessStat | undefined {
  const line = readStat(outside, pid)
  if (line === undefined) return undefined
  const end = line.lastIndexOf(')')
  const fields = fieldsOf(line)
  const name = line.slice(line.indexOf('(') + 1, end)
  return { name, state: fields[0] ?? '?', startTime: fields[19] ?? '', hasEnded: hasEnded(fields) }
}

/** num_threads counts a first thread that has ended as long as there are others. */
function hasEnded([state = '?', ...fields]: readonly string[]): boolean {
  return state === 'Z' ? !(Number(fields[16]) > 1) : 'Xx'.includes(state)
}

/**
 * How the container's first process ended, in the form of wait(2), while its parent has not waited for it; else undefined.
 */
export function zombieStatus(outside: Kernel<'outside'>, record: ContainerRecord): number | undefined {
  const line = readStat(outside, record.pid)
  const fields = line === undefined ? undefined : fieldsOf(line)
  if (fields?.[19] !== record.startTime || !hasEnded(fields)) return undefined
  return Number(fields[49])
}

/** From the third field on, the state: the second is a name in parentheses that may hold blanks and parentheses itself. */
function fieldsOf(line: string): string[] {
  return line.slice(line.lastIndexOf(')') + 2).split(' ')
}

function readStat(outside: Kernel<'outside'>, pid: number): string | undefined {
  try {
    return outside.readTextIfAny(AT_FDCWD, `/proc/${pid}/stat`)
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return undefined // it went between open and read
    throw error
  }
}

/** Is the container's first process alive: there, the same one, and not waiting to be reaped? */
export function isAlive(outside: Kernel<'outside'>, record: Pick<ContainerRecord, 'pid' | 'startTime'>): boolean {
  return liveStat(outside, record) !== undefined
}

function liveStat(
  outside: Kernel<'outside'>,
  record: Pick<ContainerRecord, 'pid' | 'startTime'>,
): ProcessStat | undefined {
  const stat = processStat(outside, record.pid)
  return stat?.startTime === record.startTime && !stat.hasEnded ? stat : undefined
}

/** Where the container is in its life, found out from the kernel and not from what was written down. */
export function computeStatus(outside: Kernel<'outside'>, directory: string, record: ContainerRecord): Status {
  const stat = liveStat(outside, record)
  if (stat === undefined) return 'stopped'
  // Also a container that is not started yet can be paused, and then `start` would wait for it for ever.
  if (isFrozen(outside, record.cgroup)) return 'paused'
  // The socket is still there when the command that started the program was killed, or could not remove it.
  if (stat.name !== INIT_NAME) return 'running'
  return outside.statx(AT_FDCWD, `${directory}/${START_SOCKET}`).stat !== undefined ? 'created' : 'running'
}

/** cgroup.events says `frozen 1`; see cgroup-v2.rst, core interface files. Not known of one that is not ours to read. */
export function isFrozen(outside: Kernel<'outside'>, cgroup: string | undefined): boolean {
  if (cgroup === undefined) return false
  using events = openEvents(outside, cgroup)
  return events.exists && says(outside, events, /^frozen 1$/m)
}

/** Are there processes in it or below, also such as our pid namespace does not see? See cgroup.events in cgroup-v2.rst. */
export function isPopulated(outside: Kernel<'outside'>, cgroup: string): boolean {
  using events = openEvents(outside, cgroup)
  return events.exists ? saysPopulated(outside, events) : events.number === -EACCES
}

/**
 * cgroup.events of a cgroup, for poll(2) to wait for: it wakes for what is new since it was read. Does not exist when that is
 * gone, or not ours to read.
 */
export function openEvents(outside: Kernel<'outside'>, cgroup: string): Fd<'outside'> {
  return openCgroupFile(outside, cgroup, 'cgroup.events', O_RDONLY, [ENOENT, ENODEV, EACCES])
}

/** The same of an open cgroup.events; false when the cgroup has been removed meanwhile. */
export function saysPopulated(outside: Kernel<'outside'>, events: Fd<'outside'>): boolean {
  return says(outside, events, /^populated 1$/m)
}

function says(outside: Kernel<'outside'>, events: Fd<'outside'>, what: RegExp): boolean {
  try {
    outside.rewind(events)
    return what.test(decode(outside.readAll(events)))
  } catch (error) {
    if (isErrno(error, 'ENODEV')) return false
    throw error
  }
}
