import { createNodeHost } from '../../native/hosts/node.ts'
import type { Runtime } from '../runtime.ts'
import { createRuntime, type RuntimeOptions } from '../runtime.ts'

export { ConfigError, Failure, HostError, KernelError, StateError, UsageError } from '../errors.ts'
export { type CreateRequest, createContainer } from '../execute/create.ts'
export { deleteContainer } from '../execute/delete.ts'
export { type ExecRequest, execContainer } from '../execute/exec.ts'
export { killContainer } from '../execute/kill.ts'
export { listContainers } from '../execute/list.ts'
export { type RunRequest, runContainer } from '../execute/run.ts'
export { startContainer } from '../execute/start.ts'
export { type ContainerState, containerState } from '../execute/state.ts'
export { signalNumber } from '../plan/signals.ts'
export type { Runtime, RuntimeOptions } from '../runtime.ts'

/** The runtime in this Node.js process: what the functions of this module take as their first argument. */
export function openRuntime(options: RuntimeOptions = {}): Runtime {
  return createRuntime(createNodeHost([]), options)
}
