import type { CreateRequest } from '../../container/create.ts'
import { KernelError, UsageError } from '../../errors.ts'
import type { Runtime } from '../../runtime.ts'
import type { OptionsOf } from '../line/options.ts'

/** An empty value is none: callers build `--pid-file=` from an unset variable. */
export function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

/** What `create` and `run` ask for. Throws a UsageError for a number that can't be. */
export function createRequest(options: OptionsOf<'create'>, id: string, bundle: string): CreateRequest {
  if (options['preserve-fds'] < 0) throw new UsageError('--preserve-fds: the number of descriptors can not be negative')
  return {
    id,
    bundle,
    configFile: given(options.config),
    pidFile: given(options['pid-file']),
    consoleSocket: given(options['console-socket']),
    pidfdSocket: given(options['pidfd-socket']),
    noPivot: options['no-pivot'],
    noNewKeyring: options['no-new-keyring'],
    preserveFds: options['preserve-fds'],
  }
}

/** Does what `work` does; when the program could not be executed, its failure says what is wrong with that. */
export async function explainingExecve<T>(
  runtime: Runtime,
  place: () => Pick<CreateRequest, 'bundle' | 'configFile'>,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof KernelError) || error.call !== 'execve') throw error
    const { explainExecve } = await import('../../diagnose/validate/failedExecve.ts')
    const { bundle, configFile } = place()
    throw explainExecve(runtime, error, bundle, configFile)
  }
}
