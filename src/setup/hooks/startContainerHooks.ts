import { doing } from '../../errors.ts'
import { hookState } from '../../state/ociState.ts'
import type { BuiltContainer } from '../build.ts'
import type { PlannedProgram } from '../process/prepareProcess.ts'
import { becomeHook, type IdentityFacts } from '../process/identity.ts'
import { hookPhrase, runHookInside } from './hooks.ts'

/**
 * Records the hooks that run in the container right before its program, see config.md#startcontainer-hooks. Who they are and
 * what they may do is that of the program. An agent is not asked for them: what it would be asked about fails with ENOSYS.
 */
export function runStartContainerHooks(
  { executor, plan, record, hookOutput }: BuiltContainer,
  program: PlannedProgram,
  facts: Pick<IdentityFacts, 'setgroupsAllowed' | 'lastCapability'>,
): void {
  const { kernel } = executor
  const { seccomp } = plan
  const { env } = program
  const loadFilter =
    seccomp &&
    (() => {
      for (const filter of [seccomp, seccomp.added]) if (filter) kernel.loadFilter(filter.flags, filter.program)
    })
  plan.hooks.startContainer?.forEach((hook, i) => {
    doing(hookPhrase('startContainer', i, hook), () => {
      const become = () => becomeHook(kernel, program, { ...facts, loadFilter })
      runHookInside(executor, hook, { state: hookState(record, 'created'), output: hookOutput, env, become })
    })
  })
}
