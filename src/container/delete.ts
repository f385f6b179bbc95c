import { SIGKILL } from '../../native/abi/signal.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import { __WALL, WNOHANG } from '../../native/abi/wait.ts'
import { pollPatiently, tellSlow } from '../../native/patience.ts'
import { killCgroup, removeCgroup } from '../cgroup/cgroup.ts'
import { removeScope } from '../cgroup/systemd/scope.ts'
import { HostError, StateError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { belongingsOf, claimsOf } from '../setup/belongings.ts'
import { removeResctrl } from '../setup/facilities/resctrl.ts'
import { runPoststop, storedHooks } from '../setup/hooks/hooks.ts'
import type { ContainerRecord } from '../state/record.ts'
import { isAlive } from '../state/status.ts'
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
  if (pid !== undefined && startTime !== undefined) endInit(runtime, container, { pid, startTime })
  for (const cgroup of belongingsOf(runtime, container).cgroups) killCgroup(outside, cgroup)
}

function endInit(runtime: Runtime, container: StoredContainer, init: Pick<ContainerRecord, 'pid' | 'startTime'>): void {
  const { outside } = runtime
  const { pid } = init
  using pidfd = outside.pidfdOpen(pid)
  if (pidfd.exists && isAlive(outside, init) && killInit(runtime, container)) {
    const slow = () => tellSlow(`waiting for process ${pid} to die`)
    pollPatiently(outside, [{ fd: pidfd, events: POLLIN }], DEATH_TIMEOUT_MS, slow)
    if (isAlive(outside, init)) throw new HostError(`process ${pid} does not die; is it stuck in the kernel?`)
  }
  if (runtime.reaps) outside.wait(pid, WNOHANG | __WALL, 'any')
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
    for (const cgroup of cgroups) removeCgroup(runtime.outside, cgroup)
    removeResctrl(runtime.outside, resctrl)
    removeDirectory(runtime.outside, runtime.root, container.id)
  })
  if (record) runPoststop(runtime, hooks, { ...record, pid: 0 })
}
