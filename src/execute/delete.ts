import { SIGKILL } from '../../native/abi/signal.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import { __WALL, WNOHANG } from '../../native/abi/wait.ts'
import { pollPatiently, tellSlow } from '../../native/patience.ts'
import { HostError, StateError } from '../errors.ts'
import { cgroupPath } from '../plan/cgroup.ts'
import type { Runtime } from '../runtime.ts'
import type { ContainerRecord } from '../state/record.ts'
import { isAlive } from '../state/status.ts'
import { openContainerIfAny, removeDirectory, type StoredContainer } from '../state/store.ts'
import { cgroupMount, killCgroup, removeCgroup } from './cgroup.ts'
import { runPoststop } from './hooks.ts'
import { signalInit } from './kill.ts'
import { removeResctrl } from './resctrl.ts'
import { removeScope } from './scope.ts'
import { storedHooks } from './state.ts'

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
  const { status } = container
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
  if (container?.record !== undefined) signalInit(runtime, container.record, SIGKILL)
}

/** Ends every process of the container and waits until the first one is gone. */
export function killContainerProcesses(runtime: Runtime, { record }: StoredContainer): void {
  if (record !== undefined) runtime.phase('end its processes', () => killProcesses(runtime, record))
}

function killProcesses(runtime: Runtime, record: ContainerRecord): void {
  const { outside } = runtime
  using pidfd = outside.pidfdOpen(record.pid)
  if (pidfd.exists && isAlive(outside, record)) {
    signalInit(runtime, record, SIGKILL)
    const slow = () => tellSlow(`waiting for process ${record.pid} to die`)
    pollPatiently(outside, [{ fd: pidfd, events: POLLIN }], DEATH_TIMEOUT_MS, slow)
    if (isAlive(outside, record)) throw new HostError(`process ${record.pid} does not die; is it stuck in the kernel?`)
  }
  if (runtime.reaps) outside.wait(record.pid, WNOHANG | __WALL, 'any')
  if (record.cgroup !== undefined) killCgroup(outside, record.cgroup)
}

/** Where the cgroup is that a container without a readable record most likely has. */
function usualCgroup({ outside }: Runtime, id: string): string | undefined {
  const mount = cgroupMount(outside)
  return mount === undefined ? undefined : `${mount}${cgroupPath(id, undefined)}`
}

/** Takes back cgroup and directory of a container without processes; runs poststop hooks, whose failures only warn. */
export function destroyContainer(runtime: Runtime, container: StoredContainer): void {
  const { record } = container
  const hooks = record && storedHooks(container)?.poststop
  const cgroup = record === undefined ? usualCgroup(runtime, container.id) : record.cgroup
  runtime.phase('remove', () => {
    if (record?.unit !== undefined) removeScope(runtime, record.unit)
    if (cgroup !== undefined) removeCgroup(runtime.outside, cgroup)
    removeResctrl(runtime.outside, record?.resctrl)
    removeDirectory(runtime.outside, runtime.root, container.id)
  })
  if (record) runPoststop(runtime, hooks, { ...record, pid: 0 })
}
