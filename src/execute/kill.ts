import { ENOENT } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_WRONLY } from '../../native/abi/fcntl.ts'
import { SIGKILL } from '../../native/abi/signal.ts'
import { StateError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import type { ContainerRecord } from '../state/record.ts'
import { isAlive, isFrozen } from '../state/status.ts'
import { openContainer } from '../state/store.ts'
import { cgroupPids, cgroupTree, killCgroup } from './cgroup.ts'

/**
 * Sends a signal to a container's first process, or with `all` to every process in its cgroup. It takes no lock, so that
 * a command that hangs can be ended. Errors: StateError when the container has stopped, unless `all`.
 */
export function killContainer(runtime: Runtime, id: string, signal: number, all: boolean): void {
  using container = openContainer(runtime.outside, runtime.root, id, false)
  const record = container.established
  if (all && record.cgroup !== undefined) signalCgroup(runtime, record.cgroup, signal)
  else if (!signalInit(runtime, record, signal) && !all) throw new StateError('container not running')
}

/** False when the first process is gone. */
export function signalInit({ outside }: Runtime, record: ContainerRecord, signal: number): boolean {
  using pidfd = outside.pidfdOpen(record.pid)
  // The pidfd is held before we compare start times, so the process can't be another one afterwards.
  if (!pidfd.exists || !isAlive(outside, record)) return false
  if (signal === SIGKILL && record.cgroup !== undefined && isFrozen(outside, record.cgroup)) {
    killCgroup(outside, record.cgroup) // a frozen process dies only this way
    return true
  }
  const sent = outside.signal(pidfd, signal)
  // Without a pid namespace of its own, the other processes outlive the first one.
  if (signal === SIGKILL && record.sharedPidNamespace && record.cgroup !== undefined) killCgroup(outside, record.cgroup)
  return sent
}

function signalCgroup({ outside }: Runtime, cgroup: string, signal: number): void {
  if (signal === SIGKILL) {
    killCgroup(outside, cgroup)
    return
  }
  // Frozen meanwhile, so that no process escapes by forking.
  const wasFrozen = isFrozen(outside, cgroup)
  if (!wasFrozen) freeze(outside, cgroup, '1')
  try {
    for (const path of cgroupTree(outside, cgroup))
      for (const pid of cgroupPids(outside, path)) {
        using pidfd = outside.pidfdOpen(pid)
        if (pidfd.exists) outside.signal(pidfd, signal)
      }
  } finally {
    if (!wasFrozen) freeze(outside, cgroup, '0')
  }
}

function freeze(outside: Runtime['outside'], cgroup: string, value: '0' | '1'): void {
  using fd = outside.openat(AT_FDCWD, `${cgroup}/cgroup.freeze`, O_WRONLY, 0, [ENOENT])
  if (fd.exists) outside.writeText(fd, value)
}
