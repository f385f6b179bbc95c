import { ENOENT } from '../../native/abi/errno.ts'
import { O_WRONLY } from '../../native/abi/fcntl.ts'
import { SIGKILL } from '../../native/abi/signal.ts'
import { isSignalDenied } from '../../native/calls/signal.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { forEachProcess, killCgroup, killProcesses } from '../cgroup/cgroup.ts'
import { StateError } from '../errors.ts'
import { openCgroupFile } from '../kernel/cgroupAccess.ts'
import type { Runtime } from '../runtime.ts'
import { claimsOf, ownCgroup, requireOwnProcess } from '../setup/belongings.ts'
import { isAlive, isFrozen, isPopulated } from '../state/status.ts'
import { openContainer, type StoredContainer } from '../state/store.ts'

/**
 * Sends a signal to a container's first process, or with `all` to every process in its cgroup. It takes no lock, so that
 * a command that hangs can be ended. Errors: StateError when the container has stopped, unless `all`, or when what its
 * state names is not the container's.
 */
export function killContainer(runtime: Runtime, id: string, signal: number, all: boolean): void {
  using container = openContainer(runtime.outside, runtime.root, id, false)
  const { cgroup } = container.established
  if (all && cgroup !== undefined) {
    const own = ownCgroup(runtime, container)
    if (own !== undefined) signalCgroup(runtime, own, signal)
  } else if (!signalInit(runtime, container, signal) && !killOthers(runtime, container, signal) && !all)
    throw new StateError('container not running')
}

/**
 * Without a pid namespace that was made for it a container's processes outlive its first one, and it is there as long as they are.
 * SIGKILL, which is meant for all of them, ends them then, too. False when there is none.
 */
function killOthers(runtime: Runtime, container: StoredContainer, signal: number): boolean {
  if (signal !== SIGKILL || !container.established.sharedPidNamespace) return false
  const cgroup = ownCgroup(runtime, container)
  if (cgroup === undefined || !isPopulated(runtime.outside, cgroup)) return false
  killAll(runtime.outside, cgroup)
  return true
}

/** False when the first process is gone. Errors: StateError when it is not the container's. */
export function signalInit(runtime: Runtime, container: StoredContainer, signal: number): boolean {
  const { outside } = runtime
  const { pid, startTime, sharedPidNamespace } = claimsOf(container)
  if (pid === undefined || startTime === undefined) return false
  using pidfd = outside.pidfdOpen(pid)
  // The pidfd is held before we compare start times, so the process can't be another one afterwards.
  if (!pidfd.exists || !isAlive(outside, { pid, startTime })) return false
  const cgroup = requireOwnProcess(runtime, container, pid)
  if (signal === SIGKILL && cgroup !== undefined && isFrozen(outside, cgroup)) {
    killAll(outside, cgroup) // a frozen process dies only this way
    return true
  }
  const sent = sendOrKill(outside, pidfd, signal, cgroup)
  // Without a pid namespace of its own, the other processes outlive the first one.
  if (signal === SIGKILL && sharedPidNamespace && cgroup !== undefined) killAll(outside, cgroup)
  return sent
}

/** Also those that cgroup.kill does not reach. */
function killAll(outside: Kernel<'outside'>, cgroup: string): void {
  killCgroup(outside, cgroup)
  killProcesses(outside, cgroup)
}

/** Where pidfd_send_signal(2) is denied, a SIGKILL that does not arrive by its replacement goes to the whole cgroup. */
function sendOrKill(
  outside: Kernel<'outside'>,
  pidfd: Fd<'outside'>,
  signal: number,
  cgroup: string | undefined,
): boolean {
  try {
    return outside.signal(pidfd, signal)
  } catch (error) {
    if (signal !== SIGKILL || cgroup === undefined || !isSignalDenied(outside)) throw error
    killCgroup(outside, cgroup)
    return true
  }
}

function signalCgroup({ outside }: Runtime, cgroup: string, signal: number): void {
  if (signal === SIGKILL) {
    killAll(outside, cgroup)
    return
  }
  // Frozen meanwhile, so that no process escapes by forking.
  const wasFrozen = isFrozen(outside, cgroup)
  if (!wasFrozen) freeze(outside, cgroup, '1')
  try {
    forEachProcess(outside, cgroup, pidfd => void outside.signal(pidfd, signal))
  } finally {
    if (!wasFrozen) freeze(outside, cgroup, '0')
  }
}

function freeze(outside: Runtime['outside'], cgroup: string, value: '0' | '1'): void {
  using fd = openCgroupFile(outside, cgroup, 'cgroup.freeze', O_WRONLY, [ENOENT])
  if (fd.exists) outside.writeText(fd, value)
}
