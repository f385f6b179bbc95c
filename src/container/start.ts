import { ECONNREFUSED, ENOENT, EROFS } from '../../native/abi/errno.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import { StateError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { awaitReady, receiveNotify } from '../setup/facilities/notify.ts'
import { runHooks, storedHooks } from '../setup/hooks/hooks.ts'
import { awaitProgram } from '../setup/tail.ts'
import { START_SOCKET, type Status } from '../state/record.ts'
import { openContainer, type StoredContainer } from '../state/store.ts'
import { destroyContainer, killContainerProcesses } from './delete.ts'

const REFUSALS: Readonly<Partial<Record<Status, string>>> = {
  creating: 'cannot start a container that is still being created',
  running: 'cannot start an already running container',
  paused: 'cannot start a paused container; resume it first',
  stopped: 'cannot start a container that has stopped',
}

/**
 * Starts the program of a created container; returns when it runs. A failing poststart hook stops the container, see
 * runtime.md#start. Errors: StateError when it is not `created`, KernelError when the program can not be executed.
 */
export function startContainer(runtime: Runtime, id: string): void {
  using fds = new Fds()
  const { pid, notify } = startLocked(runtime, id, fds)
  // The container is not locked any more: it takes as long as it takes.
  if (notify) runtime.phase('wait until it is ready', () => awaitReady(runtime, notify, pid))
}

function startLocked(runtime: Runtime, id: string, fds: Fds): { pid: number; notify: Fd<'outside'> | undefined } {
  using container = openContainer(runtime.outside, runtime.root, id, true)
  const { status } = container
  if (status !== 'created') throw new StateError(REFUSALS[status]!)
  if (container.established.withoutProcess)
    throw new StateError('cannot start a container whose config.json has no process')
  const notify = runtime.phase('start', () => connectAndWait(runtime, container, fds))
  afterStart(runtime, container)
  return { pid: container.established.pid, notify }
}

/** The init accepts the connection, and its execve closes it; see tail.ts. Gives the program's socket for sd_notify(3). */
function connectAndWait({ outside }: Runtime, container: StoredContainer, fds: Fds): Fd<'outside'> | undefined {
  using socket = outside.unixSocket()
  // Through the descriptor, since the path of a socket must be shorter than 108 bytes.
  const path = `/proc/self/fd/${container.directory.number}/${START_SOCKET}`
  if (!outside.connectTo(socket, path, [ECONNREFUSED, ENOENT])) throw new StateError(REFUSALS.stopped!)
  // On a disk that can not be written it stays, and says nothing any more: see computeStatus().
  outside.unlink(container.directory, START_SOCKET, [ENOENT, EROFS])
  const notify = container.established.notifies ? receiveNotify(outside, socket) : undefined
  awaitProgram(outside, socket)
  return notify && fds.keep(notify)
}

/** poststart hooks; the spec wants a container whose hook failed to be stopped and destroyed. */
export function afterStart(runtime: Runtime, container: StoredContainer): void {
  const hooks = storedHooks(container)?.poststart
  if (hooks === undefined || hooks.length === 0) return
  try {
    runHooks(runtime, 'poststart', hooks, container.established, 'running')
  } catch (error) {
    killContainerProcesses(runtime, container)
    destroyContainer(runtime, container)
    throw error
  }
}
