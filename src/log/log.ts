import { ConfigError, Failure, KernelError } from '../errors.ts'
import { daemonMessage, daemonSockets, type LogDaemon, type LogLevel } from './logDaemon.ts'

/** Where text goes in the end. Every function returns when the text is written. */
export interface TextOutput {
  /** Adds to the end of a file, which it creates with mode 0644. */
  append(path: string, text: string): void
  /** Sends a datagram to a socket of the host. */
  send(socket: string, text: string): void
  stdout(text: string): void
  stderr(text: string): void
}

export interface LogSettings {
  /** The file of --log. */
  readonly file: string | undefined
  /** Instead of a file. */
  readonly daemon?: LogDaemon | undefined
  readonly format: 'text' | 'json'
  readonly level: LogLevel
}

/** Messages for the user. */
export interface Log {
  /** Makes the file, as crun and runc do: one that can not be made is an error before anything happens. */
  open(): void
  /** The end of the program: whatever was thrown. Goes to stderr and, the first time, to the log file. */
  error(error: unknown): void
  warning(text: string): void
  info(text: string): void
  /** Each text is a message of its own; all are written at once. */
  debug(...texts: string[]): void
  /** All went well: what was held back is written. */
  end(): void
}

const LEVELS: readonly LogLevel[] = ['error', 'warning', 'info', 'debug']

/**
 * The log of one call of the program. podman reads the whole file as one JSON object after a failure, so it holds the one
 * error then and nothing else; only --debug adds lines. Warnings are for the file, too, since an engine takes what is on
 * stderr for the container's: they are held back until all has gone well. Without a file they and lesser messages go to
 * stderr if the level admits them, as do all errors.
 */
export function createLog(output: TextOutput, settings: LogSettings, now: () => Date = () => new Date()): Log {
  const { file, daemon, format, level } = settings
  let failed = false
  const held: string[] = []

  const append = (...records: ErrorRecord[]) => {
    try {
      if (daemon !== undefined) send(daemon, records)
      if (file === undefined) return
      const time = timestamp(now())
      const line = format === 'json' ? jsonLine : textLine
      output.append(file, records.map(record => line(record, time)).join(''))
    } catch (error) {
      output.stderr(`tsrun: --log: ${oneLine(describe(error).msg)}\n`)
    }
  }
  const send = (to: LogDaemon, records: readonly ErrorRecord[]) => {
    for (const record of records)
      for (const text of sentences(record))
        output.send(daemonSockets[to.name], daemonMessage(to, record.level, oneLine(text)))
  }
  const message =
    (at: LogLevel) =>
    (...texts: string[]) => {
      if (LEVELS.indexOf(at) > LEVELS.indexOf(level)) return
      if ((file ?? daemon) !== undefined && level === 'debug') append(...texts.map(msg => ({ msg, level: at })))
      else if ((file ?? daemon) !== undefined && at === 'warning') held.push(...texts)
      else output.stderr(texts.map(msg => `tsrun: ${at}: ${oneLine(msg)}\n`).join(''))
    }
  const error = (thrown: unknown) => {
    const record = describe(thrown)
    output.stderr(`tsrun: ${oneLine(record.msg)}\n`)
    for (const also of record.cleanup ?? []) output.stderr(`tsrun: also: ${oneLine(also)}\n`)
    if (record.stack !== undefined && level === 'debug') output.stderr(`${record.stack}\n`)
    if (!failed) append(record)
    failed = true
  }
  const open = () => {
    if (file === undefined) return
    try {
      output.append(file, '')
    } catch (error) {
      failed = true // it is told once, on stderr
      throw error
    }
  }
  const end = () => {
    if (!failed && held.length > 0) append(...held.map(msg => ({ msg, level: 'warning' as const })))
  }
  return { open, error, warning: message('warning'), info: message('info'), debug: message('debug'), end }
}

/** A message as callers read it (`msg`, `level`), with what is known about a failure. */
interface ErrorRecord {
  readonly msg: string
  readonly level: LogLevel
  readonly kind?: string
  readonly pointer?: string | undefined
  readonly syscall?: string
  readonly errno?: number
  readonly code?: string
  readonly subject?: string | undefined
  readonly hint?: string | undefined
  readonly cleanup?: readonly string[] | undefined
  readonly stack?: string | undefined
}

function describe(thrown: unknown): ErrorRecord {
  if (!(thrown instanceof Failure)) return describeBug(thrown)
  const record = { msg: thrown.message, level: 'error', kind: thrown.kind } as const
  const cleanup = thrown.cleanup.length === 0 ? undefined : thrown.cleanup.map(failure => failure.message)
  if (thrown instanceof ConfigError) return { ...record, pointer: thrown.pointer, cleanup }
  if (!(thrown instanceof KernelError)) return { ...record, cleanup }
  const { call, errno, code, subject, hint } = thrown
  return { ...record, syscall: call, errno, code, subject, hint, cleanup }
}

/** Something else than a failure was thrown: that is a mistake in this program. */
function describeBug(thrown: unknown): ErrorRecord {
  const stack = thrown instanceof Error ? thrown.stack : undefined
  return { msg: `internal error: ${String(thrown)}`, level: 'error', kind: 'internal', stack }
}

/** RFC 3339 with nanoseconds, as Go programs write it; the clock of the engine knows milliseconds. */
function timestamp(date: Date): string {
  return date.toISOString().replace('Z', '000000Z')
}

function jsonLine({ msg, level, ...details }: ErrorRecord, time: string): string {
  return `${JSON.stringify({ msg, level, time, ...details })}\n`
}

/** As runc writes it (logfmt); crun's has the bare message. */
function textLine(record: ErrorRecord, time: string): string {
  return sentences(record)
    .map(text => `time="${time}" level=${record.level} msg=${JSON.stringify(oneLine(text))}\n`)
    .join('')
}

/** A message, and what could not be cleaned up after it. */
function sentences({ msg, cleanup = [] }: ErrorRecord): string[] {
  return [msg, ...cleanup.map(text => `also: ${text}`)]
}

/** Names from a config.json end up in messages: control characters must not reach a terminal or begin a new line. */
export function oneLine(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, c => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}
