import { SIGKILL } from '../../native/abi/signal.ts'
import { POLLIN, POLLPRI } from '../../native/abi/socket.ts'
import { CLOCK_MONOTONIC } from '../../native/abi/time.ts'
import { __WALL, WNOHANG } from '../../native/abi/wait.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { pollPatiently, tellSlow } from '../../native/patience.ts'
import { CgroupRefusal, killCgroup, removeCgroup } from '../cgroup/cgroup.ts'
import { removeScope } from '../cgroup/systemd/scope.ts'
import { HostError, StateError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { belongingsOf, claimsOf } from '../setup/belongings.ts'
import { removeResctrl } from '../setup/facilities/resctrl.ts'
import { runPoststop, storedHooks } from '../setup/hooks/hooks.ts'
import type { ContainerRecord } from '../state/record.ts'
import { isAlive, openEvents, saysPopulated } from '../state/status.ts'
import { openContainerIfAny, removeDirectory, type StoredContainer } from '../state/store.ts'
import { signalInit } from './kill.ts'

const DEATH_TIMEOUT_MS = 10_000

/**
 * Deletes a container: what create made goes, then poststop hooks run. Errors: StateError when it runs and `force` is
 * not given, or when there is none; with `force` a container that does not exist is fine.
 */
export function deleteContainer(runtime: Runtime, id: string, force: boolean): void {
  if (force) killBeforeLocking(runtime, id)
  using container = openContainerIfAny(runtime.outside, runtime.root, id, true)
  if (container === undefined) {
    if (force) return
    throw new StateError(`container \`${id}\` does not exist`)
  }
  const status = force ? 'stopped' : container.status
  if (!force && status !== 'stopped' && status !== 'created') {
    if (status === 'creating') container.established
    throw new StateError(
      `cannot delete container \`${id}\` that is not stopped: ${status}; kill it first or use --force`,
    )
  }
  killContainerProcesses(runtime, container)
  destroyContainer(runtime, container)
}

/** The command that holds the lock may wait for a process of the container, so that goes first. */
function killBeforeLocking(runtime: Runtime, id: string): void {
  using container = openContainerIfAny(runtime.outside, runtime.root, id, false)
  if (container !== undefined) killInit(runtime, container)
}

/** False when the first process is gone, or not the container's. */
function killInit(runtime: Runtime, container: StoredContainer): boolean {
  try {
    return signalInit(runtime, container, SIGKILL)
  } catch (error) {
    if (!(error instanceof StateError)) throw error
    runtime.warn(`${error.message}; it is left alone`)
    return false
  }
}

/** Ends every process of the container and waits until the first one is gone. */
export function killContainerProcesses(runtime: Runtime, container: StoredContainer): void {
  runtime.phase('end its processes', () => killProcesses(runtime, container))
}

function killProcesses(runtime: Runtime, container: StoredContainer): void {
  const { outside } = runtime
  const { pid, startTime } = claimsOf(container)
  const init = pid !== undefined && startTime !== undefined ? { pid, startTime } : undefined
  // Before they die: a process alive may be the proof that a cgroup is the container's.
  const { cgroups } = belongingsOf(runtime, container)
  using pidfd = init && outside.pidfdOpen(init.pid)
  const isDying = init !== undefined && pidfd?.exists && isAlive(outside, init) && killInit(runtime, container)
  for (const cgroup of cgroups) killCgroup(outside, cgroup)
  if (isDying && !awaitEnd(outside, init, pidfd, cgroups))
    throw new HostError(`process ${init.pid} does not die; is it stuck in the kernel?`)
  if (init !== undefined && runtime.reaps) outside.wait(init.pid, WNOHANG | __WALL, 'any')
}

/**
 * Waits until the first process is gone, or nobody is left in the cgroups. In the second case it is a shell without memory,
 * descriptors or mounts that waits for the others of its pid namespace to be reaped: those of `exec` have parents outside,
 * and in a container the first process, which gets orphans, may reap nobody (zap_pid_ns_processes() in the kernel).
 */
function awaitEnd(
  outside: Kernel<'outside'>,
  init: Pick<ContainerRecord, 'pid' | 'startTime'>,
  pidfd: Fd<'outside'>,
  cgroups: readonly string[],
): boolean {
  using fds = new Fds()
  const watched = cgroups.map(path => fds.keep(openEvents(outside, path))).filter(fd => fd.exists)
  const entries = [{ fd: pidfd, events: POLLIN }, ...watched.map(fd => ({ fd, events: POLLPRI }))]
  const slow = () => tellSlow(`waiting for process ${init.pid} to die`)
  const deadline = outside.clock(CLOCK_MONOTONIC) + DEATH_TIMEOUT_MS * 1e6
  for (;;) {
    const isEmpty = watched.length > 0 && !watched.some(fd => saysPopulated(outside, fd))
    if (isEmpty || !isAlive(outside, init)) return true
    const left = Math.ceil((deadline - outside.clock(CLOCK_MONOTONIC)) / 1e6)
    if (left <= 0) return false
    pollPatiently(outside, entries, left, slow)
  }
}

/**
 * Takes back what create made for a container whose processes are killed, as far as it is its own; runs poststop hooks,
 * whose failures only warn.
 */
export function destroyContainer(runtime: Runtime, container: StoredContainer): void {
  const { record } = container
  const hooks = record && storedHooks(container)?.poststop
  const { cgroups, unit, resctrl, strangers } = belongingsOf(runtime, container)
  for (const stranger of strangers) runtime.warn(`${stranger}; it is left alone`)
  runtime.phase('remove', () => {
    if (unit !== undefined) removeScope(runtime, unit.name, unit.active)
    for (const cgroup of cgroups) removeOrLeave(runtime, cgroup)
    removeResctrl(runtime.outside, resctrl)
    removeDirectory(runtime.outside, runtime.root, container.id)
  })
  if (record) runPoststop(runtime, hooks, { ...record, pid: 0 })
}

/** A container may give cgroups below its own to another user of its user namespace: that is no reason for it to stay. */
function removeOrLeave(runtime: Runtime, cgroup: string): void {
  try {
    removeCgroup(runtime.outside, cgroup)
  } catch (error) {
    if (!(error instanceof CgroupRefusal)) throw error
    runtime.warn(error.message)
  }
}
