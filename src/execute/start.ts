import { ECONNREFUSED, ENOENT } from '../../native/abi/errno.ts'
import { StateError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { START_SOCKET, type Status } from '../state/record.ts'
import { openContainer, type StoredContainer } from '../state/store.ts'
import { destroyContainer, killContainerProcesses } from './delete.ts'
import { runHooks } from './hooks.ts'
import { hookState, storedHooks } from './state.ts'
import { awaitProgram } from './tail.ts'

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
  using container = openContainer(runtime.outside, runtime.root, id, true)
  const { status } = container
  if (status !== 'created') throw new StateError(REFUSALS[status]!)
  if (container.established.withoutProcess)
    throw new StateError('cannot start a container whose config.json has no process')
  runtime.phase('start', () => connectAndWait(runtime, container))
  afterStart(runtime, container)
}

/** The init accepts the connection, and its execve closes it; see tail.ts. */
function connectAndWait({ outside }: Runtime, container: StoredContainer): void {
  using socket = outside.unixSocket()
  // Through the descriptor, since the path of a socket must be shorter than 108 bytes.
  const path = `/proc/self/fd/${container.directory.number}/${START_SOCKET}`
  if (!outside.connectTo(socket, path, [ECONNREFUSED, ENOENT])) throw new StateError(REFUSALS.stopped!)
  outside.unlink(container.directory, START_SOCKET)
  awaitProgram(outside, socket)
}

/** poststart hooks; the spec wants a container whose hook failed to be stopped and destroyed. */
export function afterStart(runtime: Runtime, container: StoredContainer): void {
  const hooks = storedHooks(container)?.poststart
  if (hooks === undefined || hooks.length === 0) return
  try {
    runHooks(runtime, 'poststart', hooks, hookState(container.established, 'running'))
  } catch (error) {
    killContainerProcesses(runtime, container)
    destroyContainer(runtime, container)
    throw error
  }
}
