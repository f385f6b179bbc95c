import type { CreateRequest } from '../../container/create.ts'
import { UsageError } from '../../errors.ts'
import type { OptionsOf } from '../line/options.ts'

/** An empty path is no path: callers build `--pid-file=` from an unset variable. */
function path(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}

/** What `create` and `run` ask for. Throws a UsageError for a number that can't be. */
export function createRequest(options: OptionsOf<'create'>, id: string, bundle: string): CreateRequest {
  if (options['preserve-fds'] < 0) throw new UsageError('--preserve-fds: the number of descriptors can not be negative')
  return {
    id,
    bundle,
    configFile: path(options.config),
    pidFile: path(options['pid-file']),
    consoleSocket: path(options['console-socket']),
    pidfdSocket: path(options['pidfd-socket']),
    noPivot: options['no-pivot'],
    noNewKeyring: options['no-new-keyring'],
    preserveFds: options['preserve-fds'],
  }
}
