import type { CreateRequest } from '../../container/create.ts'
import { UsageError } from '../../errors.ts'
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
