import { UsageError } from '../errors.ts'
import type { LogSettings } from '../log.ts'
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

/** Destinations of crun that are no files. */
const NOT_BUILT = ['journald', 'syslog']

function scheme(destination: string): string | undefined {
  return /^([a-z]+):/.exec(destination)?.[1]
}

/** Where messages go; a destination that can not be written to counts as none, so that this can be said somewhere. */
export function logSettings(options: OptionsOf<'*'>): LogSettings {
  const { log = '' } = options
  const usable = log !== '' && !NOT_BUILT.includes(scheme(log) ?? '')
  return {
    file: usable ? log.replace(/^file:/, '') : undefined,
    format: options['log-format'],
    level: options.debug ? 'debug' : options['log-level'],
  }
}

/** The global options as settings. Throws a UsageError for what is not supported yet. */
export function readGlobals(options: OptionsOf<'*'>): Globals {
  const destination = scheme(options.log ?? '')
  if (destination !== undefined && NOT_BUILT.includes(destination))
    throw new UsageError(`--log ${destination}: is not supported yet, use --log [file:]PATH`)
  if (options.trace === '') throw new UsageError('--trace: the name of a file is missing')
  return {
    root: options.root === '' ? undefined : options.root,
    cgroupManager: options['systemd-cgroup'] ? 'systemd' : options['cgroup-manager'],
    rootless: options.rootless,
    trace: options.trace,
  }
}
