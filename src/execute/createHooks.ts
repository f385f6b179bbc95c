import type { Executor } from '../../native/executor/launch.ts'
import type { Fd } from '../../native/fd.ts'
import type { Hooks } from '../../spec/generated/config.ts'
import type { Runtime } from '../runtime.ts'
import { runHooks, runHooksInside } from './hooks.ts'

/** Are there hooks that run while the container is built? */
export function hasCreateHooks({ prestart, createRuntime, createContainer }: Hooks): boolean {
  return [prestart, createRuntime, createContainer].some(hooks => hooks !== undefined && hooks.length > 0)
}

/**
 * The hooks that belong between the mounts and the change of the root, kind after kind; see config.md#posix-platform-hooks.
 * `state` is what they read; `output` receives what those inside print, and is a gift of the executor.
 */
export function runCreateHooks(runtime: Runtime, executor: Executor, hooks: Hooks, state: string, output: Fd): void {
  const { outside } = runtime
  const printed = () => {
    outside.rewind(output)
    return outside.readAll(output)
  }
  runHooks(runtime, 'prestart', hooks.prestart, state)
  runHooks(runtime, 'createRuntime', hooks.createRuntime, state)
  runHooksInside(executor, 'createContainer', hooks.createContainer, state, output, printed)
}
