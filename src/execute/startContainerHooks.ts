import { doing } from '../errors.ts'
import type { BuiltContainer } from './build.ts'
import { runHookInside } from './hooks.ts'
import { hookState } from './state.ts'

/** Records the hooks that run in the container right before its program, see config.md#startcontainer-hooks. */
export function runStartContainerHooks({ executor, plan, record, hookOutput }: BuiltContainer): void {
  plan.hooks.startContainer?.forEach((hook, i) => {
    doing(`startContainer hook ${i} \`${hook.path}\``, () => {
      runHookInside(executor, hook, hookState(record, 'created'), hookOutput)
    })
  })
}
