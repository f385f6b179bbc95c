import { UsageError } from '../../errors.ts'
import type { LogSettings } from '../../log/log.ts'
import { readDaemon, unknownKind } from '../../log/logDaemon.ts'
import type { OptionsOf } from './options.ts'

/** What the global options say, for the runtime. */
export interface Globals {
  /** The state directory, if one was named; relative paths are relative to the current directory. */
  readonly root: string | undefined
  readonly cgroupManager: 'cgroupfs' | 'systemd' | 'disabled'
  readonly rootless: 'auto' | 'true' | 'false'
  /** Where a trace is to be written. */
  readonly trace: string | undefined
}

/** Where messages go. */
export function logSettings(options: OptionsOf<'*'>): LogSettings {
  const { log = '' } = options
  const daemon = readDaemon(log)
  return {
    file: log === '' || daemon !== undefined || unknownKind(log) !== undefined ? undefined : log.replace(/^file:/, ''),
    daemon,
    format: options['log-format'],
    level: options.debug ? 'debug' : options['log-level'],
  }
}

/** The global options as settings. Throws a UsageError for a trace without a name, and for a log that is of no kind. */
export function readGlobals(options: OptionsOf<'*'>): Globals {
  const { log = '' } = options
  const unknown = unknownKind(log)
  if (unknown !== undefined)
    throw new UsageError(
      `--log ${log}: \`${unknown}\` is no kind of log (file, journald, syslog); a file of that name is \`./${log}\``,
    )
  if (options.trace === '') throw new UsageError('--trace: the name of a file is missing')
  return {
    root: options.root === '' ? undefined : options.root,
    cgroupManager: options['systemd-cgroup'] ? 'systemd' : options['cgroup-manager'],
    rootless: options.rootless,
    trace: options.trace,
  }
}
