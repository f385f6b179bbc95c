import type { CreateRequest } from '../../container/create.ts'
import { KernelError, UsageError } from '../../errors.ts'
import type { Runtime } from '../../runtime.ts'
import type { OptionsOf } from '../line/options.ts'

/** An empty value is none: callers build `--pid-file=` from an unset variable. */
export function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

/** No process can have as many, see /proc/sys/fs/nr_open; crun and runc refuse more, too. */
const DESCRIPTORS_MAX = 2 ** 31 - 1

/** How many descriptors more; a number below nought is none, as in runc and crun. Throws a UsageError. */
export function preserved(options: Pick<OptionsOf<'create'>, 'preserve-fds'>): number {
  const count = options['preserve-fds']
  if (count > DESCRIPTORS_MAX) throw new UsageError(`option \`--preserve-fds\`: no process has ${count} descriptors`)
  return Math.max(0, count)
}

/** What `create`, `run` and `restore` ask for. */
export function newContainer(
  options: OptionsOf<'create'> | OptionsOf<'restore'>,
  id: string,
  bundle: string,
): CreateRequest {
  return {
    id,
    bundle,
    configFile: given(options.config),
    pidFile: given(options['pid-file']),
    consoleSocket: given(options['console-socket']),
    noPivot: options['no-pivot'],
    noNewKeyring: options['no-new-keyring'],
  }
}

/** What `create` and `run` ask for. */
export function createRequest(options: OptionsOf<'create'>, id: string, bundle: string): CreateRequest {
  return {
    ...newContainer(options, id, bundle),
    pidfdSocket: given(options['pidfd-socket']),
    preserveFds: preserved(options),
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
