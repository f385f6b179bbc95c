import {
  type Executor,
  type ExecutorOptions,
  launchExecutor,
  type MakeExecutorCalls,
} from '../../native/executor/launch.ts'
import type { Host } from '../../native/host.ts'
import type { Kernel } from '../../native/kernel.ts'

/** What a Runtime has for it. */
export interface Launcher {
  readonly host: Host
  readonly outside: Kernel<'outside'>
  readonly makeCalls: MakeExecutorCalls | undefined
  phase<T>(name: string, work: () => T): T
}

/** Waits for an executor, or for what it has become, and gives its memory back. `failed`: its work has thrown. */
export type Ending = (outside: Kernel<'outside'>, executor: Executor, failed: boolean) => void

/**
 * Launches an executor, has `work` done with it, and ends it whatever comes of that. Without its sockets it ends by itself;
 * `end` is for those that have borne children, may be stopped, or go on. Errors: KernelError, and what `work` throws.
 */
export function withExecutor<T>(
  { host, outside, makeCalls, phase }: Launcher,
  options: Omit<ExecutorOptions, 'makeCalls'>,
  work: (executor: Executor) => T,
  end: Ending = endByItself,
): T {
  const executor = phase('spawn the executor', () => launchExecutor(host, outside, { ...options, makeCalls }))
  let failed = true
  try {
    const result = work(executor)
    failed = false
    return result
  } finally {
    end(outside, executor, failed)
  }
}

function endByItself(outside: Kernel<'outside'>, executor: Executor): void {
  executor.release()
  outside.wait(executor.pid, 0, 'any')
}
