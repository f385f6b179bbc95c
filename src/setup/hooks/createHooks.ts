import type { Executor } from '../../../native/executor/launch.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Hooks } from '../../../spec/generated/config.ts'
import type { ContainerRoot } from '../../rootfs/containerRoot.ts'
import type { Runtime } from '../../runtime.ts'
import { type HookSubject, hookState } from '../../state/ociState.ts'
import { type HookOutput, OUTPUT_SHOWN, runHooks, runHooksInside } from './hooks.ts'

/** Are there hooks that run while the container is built? */
export function hasCreateHooks({ prestart, createRuntime, createContainer }: Hooks): boolean {
  return [prestart, createRuntime, createContainer].some(hooks => hooks !== undefined && hooks.length > 0)
}

/**
 * The hooks that belong between the mounts and the change of the root, kind after kind; see config.md#posix-platform-hooks.
 * `said` is what hooks inside print to, unless they have files. Those inside begin in the container's root, as in runc.
 */
export function runCreateHooks(
  runtime: Runtime,
  executor: Executor,
  root: ContainerRoot,
  hooks: Hooks,
  container: HookSubject,
  output: HookOutput,
  said: Fd<'outside'>,
): void {
  const { outside } = runtime
  const printed = () => {
    outside.rewind(said)
    return outside.read(said, OUTPUT_SHOWN)
  }
  runHooks(runtime, 'prestart', hooks.prestart, container, 'creating')
  runHooks(runtime, 'createRuntime', hooks.createRuntime, container, 'creating')
  if (hooks.createContainer?.length) root.inside.fchdir(root.fd)
  const setting = { state: hookState(container, 'creating'), output, env: runtime.host.env }
  runHooksInside(executor, 'createContainer', hooks.createContainer, setting, printed)
}
