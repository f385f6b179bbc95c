import { ENOENT } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_RDONLY } from '../../native/abi/fcntl.ts'
import { POLLIN, POLLPRI } from '../../native/abi/socket.ts'
import { S_IFMT, S_IFREG } from '../../native/abi/stat.ts'
import { CLOCK_MONOTONIC } from '../../native/abi/time.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { readCgroupStats } from '../cgroup/stats.ts'
import { isErrno, StateError } from '../errors.ts'
import { type ContainerEvent, readings } from '../kernel/cgroupEvents.ts'
import { type Counters, parseCounters } from '../kernel/cgroupStats.ts'
import type { Runtime } from '../runtime.ts'
import type { ContainerRecord } from '../state/record.ts'
import { openContainer } from '../state/store.ts'
import { requireCgroup } from './pause.ts'
import { pidsBelow } from './ps.ts'
import { exitCode } from './wait.ts'

/** The numbers of a container at this moment. Errors: StateError when it has stopped, HostError when it has no cgroup. */
export function containerStats(runtime: Runtime, id: string): ContainerEvent {
  const { outside, root } = runtime
  using container = openContainer(outside, root, id, false)
  const { status } = container
  if (status === 'stopped') throw new StateError('container not running')
  return measure(outside, requireCgroup(runtime, container, 'measured'))
}

function measure(outside: Kernel<'outside'>, cgroup: string): ContainerEvent {
  return { type: 'stats', stats: readCgroupStats(outside, cgroup), processes: pidsBelow(outside, cgroup).length }
}

/** A container that is watched: its record, its first process, and the files that tell of events. */
export interface EventWatch extends Disposable {
  readonly record: ContainerRecord
  readonly pidfd: Fd<'outside'>
  readonly cgroup: string
  readonly files: readonly WatchedFile[]
}

/** Opens what there is to watch. Errors: StateError when the container has stopped, HostError when it has no cgroup. */
export function openWatch(runtime: Runtime, id: string): EventWatch {
  const { outside, root } = runtime
  using container = openContainer(outside, root, id, false)
  const { established: record, status } = container
  const cgroup = requireCgroup(runtime, container, 'watched')
  using fds = new Fds()
  const pidfd = fds.keep(outside.pidfdOpen(record.pid))
  if (status === 'stopped' || !pidfd.exists) throw new StateError('container not running')
  const files = Object.keys(readings).flatMap(name => {
    // Without its controller there is no such file, but a cgroup below may have that name.
    const fd = fds.keep(outside.openat(AT_FDCWD, `${cgroup}/${name}`, O_RDONLY, 0, [ENOENT]))
    return fd.exists && isFile(outside, fd) ? [new WatchedFile(outside, name, fd)] : []
  })
  fds.take()
  const close = () => {
    for (const fd of [pidfd, ...files.map(file => file.fd)]) fd.close()
  }
  return { record, pidfd, cgroup, files, [Symbol.dispose]: close }
}

function isFile(outside: Kernel<'outside'>, fd: Fd<'outside'>): boolean {
  return ((outside.statx(fd, '').stat?.mode ?? 0) & S_IFMT) === S_IFREG
}

/** A file of counters for which poll(2) waits until it changes; what was read last is remembered. */
class WatchedFile {
  readonly fd: Fd<'outside'>
  readonly #outside: Kernel<'outside'>
  readonly #name: string
  #counters: Counters

  constructor(outside: Kernel<'outside'>, name: string, fd: Fd<'outside'>) {
    this.fd = fd
    this.#outside = outside
    this.#name = name
    this.#counters = this.#read()
  }

  /** What has happened since; ready for the next wait. */
  events(): ContainerEvent[] {
    const before = this.#counters
    this.#counters = this.#read()
    return readings[this.#name]!(before, this.#counters)
  }

  /** Does cgroup.events say that no process is left, or has the cgroup been removed? */
  get isEnd(): boolean {
    return this.#name === 'cgroup.events' && this.#counters['populated'] !== 1
  }

  #read(): Counters {
    try {
      this.#outside.rewind(this.fd)
      return parseCounters(decode(this.#outside.readAll(this.fd)))
    } catch (error) {
      if (isErrno(error, 'ENODEV')) return {} // the cgroup has been removed
      throw error
    }
  }
}

/**
 * Tells what happens to a container until all its processes are gone, which is the last thing it tells, and its numbers
 * every `interval` milliseconds. It sleeps in between: the kernel wakes it. Closes what is watched at its end.
 */
export async function watchContainer(
  { host, outside }: Runtime,
  watch: EventWatch,
  interval: number,
  tell: (event: ContainerEvent) => void,
): Promise<void> {
  using open = watch
  const { record, pidfd, cgroup, files } = open
  const entries = files.map(({ fd }) => ({ fd: fd.number, events: POLLPRI }))
  const now = () => outside.clock(CLOCK_MONOTONIC) / 1e6
  let due = now() + interval
  for (;;) {
    for (const file of files) for (const event of file.events()) tell(event)
    if (files.some(file => file.isEnd)) break
    if (now() >= due) {
      tell(measure(outside, cgroup))
      due += interval * (1 + Math.floor((now() - due) / interval))
    }
    await host.poll(entries, Math.max(1, Math.ceil(due - now())))
  }
  await host.poll([{ fd: pidfd.number, events: POLLIN }], -1)
  tell({ type: 'exit', code: exitCode(outside, record, pidfd) })
}
