import { CAP_SYS_ADMIN } from '../../../native/abi/capability.ts'
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../../native/abi/fcntl.ts'
import type { Dir } from '../../../native/calls/stat.ts'
import type { Executor } from '../../../native/executor/launch.ts'
import { type Fd, Fds } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { StateError } from '../../errors.ts'
import { byAnotherWay, Detour, detour } from '../../host/denied.ts'
import { ownCapabilities } from '../../host/host.ts'
import { withExecutor } from '../../host/withExecutor.ts'
import { ContainerRoot } from '../../rootfs/containerRoot.ts'
import type { Runtime } from '../../runtime.ts'
import type { ContainerRecord } from '../../state/record.ts'
import { isAlive } from '../../state/status.ts'
import type { StoredContainer } from '../../state/store.ts'
import { requireOwnProcess } from '../belongings.ts'
import { enterContainer, leave, needsHostProcfs } from './enter.ts'
import { ownProcfs } from '../facilities/sysctl.ts'
import { threadToEnter } from './threadToEnter.ts'

const NOT_RUNNING = 'container not running'

/** An executor in a running container, in all of its namespaces, as the root of its user namespace. */
export interface Visit {
  readonly executor: Executor
  readonly inside: Kernel<'inside'>
  /** The root of the container's mount namespace. */
  readonly root: ContainerRoot
  /** A procfs in which it finds itself, whatever is at /proc there. */
  procfs(): Dir
}

/** The first process of a container, certain to be that one. Errors: StateError when it has ended. */
export function holdInit(outside: Kernel<'outside'>, record: ContainerRecord, fds: Fds): Fd<'outside'> {
  const pidfd = fds.keep(outside.pidfdOpen(record.pid))
  // The pidfd is held before we compare start times, so the process can't be another one afterwards.
  if (!pidfd.exists || !isAlive(outside, record)) throw new StateError(NOT_RUNNING)
  return pidfd
}

/** The same, and it is in the container's cgroup: for what changes something. Errors: StateError. */
export function holdOwnInit(runtime: Runtime, container: StoredContainer, fds: Fds): Fd<'outside'> {
  const record = container.established
  const init = holdInit(runtime.outside, record, fds)
  requireOwnProcess(runtime, container, record.pid)
  return init
}

/** May we do in the host's namespaces what only its root may? */
export function isPrivileged(outside: Kernel<'outside'>): boolean {
  return ownCapabilities(outside)(CAP_SYS_ADMIN)
}

/**
 * Sends an executor into a container that has a mount namespace of its own, has `work` done by it, and ends it. It stays
 * in our cgroup, so that a container that is paused or at its limits can be visited, too. `kept` are descriptors of the
 * host that it brings along. Errors: StateError when the container stops meanwhile, KernelError.
 */
export function visitContainer<T>(
  runtime: Runtime,
  record: ContainerRecord,
  init: Fd<'outside'>,
  passed: readonly Fd<'outside'>[],
  work: (visit: Visit) => T,
): T {
  const again = (failure: unknown) => (failure instanceof Detour ? passed : undefined)
  return byAnotherWay(passed, again, passed => visitOnce(runtime, record, init, passed, work))
}

function visitOnce<T>(
  runtime: Runtime,
  record: ContainerRecord,
  init: Fd<'outside'>,
  passed: readonly Fd<'outside'>[],
  work: (visit: Visit) => T,
): T {
  const { outside } = runtime
  using fds = new Fds()
  const { pidfd, namespaces } = threadToEnter(outside, record, init, fds)
  using hostProcfs = needsHostProcfs(runtime, namespaces)
    ? outside.openat(AT_FDCWD, '/proc', O_PATH | O_DIRECTORY)
    : undefined
  const kept = hostProcfs ? [...passed, hostProcfs] : passed
  const visit = (executor: Executor) => {
    const { kernel: inside } = executor
    const entrance = { pidfd, namespaces, root: undefined, cgroup: undefined, privileged: isPrivileged(outside) }
    const born = enterContainer(executor, entrance, kept.map(executor.passed))
    const root = new ContainerRoot(inside, inside.openat(AT_FDCWD, '/', O_PATH | O_DIRECTORY).take())
    runtime.phase('enter the container', born)
    let own: Dir | undefined
    const procfs = () => (own ??= hostProcfs ? executor.passed(hostProcfs) : ownProcfs(inside))
    const result = work({ executor, inside, root, procfs })
    inside.flush()
    return result
  }
  try {
    return withExecutor(runtime, { passed: [...kept, pidfd] }, visit, leave)
  } catch (error) {
    throw isAlive(outside, record) ? (detour(outside, error) ?? error) : new StateError(NOT_RUNNING)
  }
}
