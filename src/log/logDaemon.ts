/** How much a message matters, from the most to the least. */
export type LogLevel = 'error' | 'warning' | 'info' | 'debug'

/** A daemon that collects messages, and the name under which they are found: crun's `--log journald:ID`, `syslog:ID`. */
export interface LogDaemon {
  readonly name: 'journald' | 'syslog'
  readonly id: string
}

/** Where they listen: see systemd-journald.service(8) and syslog(3). */
export const daemonSockets: Readonly<Record<LogDaemon['name'], string>> = {
  journald: '/run/systemd/journal/socket',
  syslog: '/dev/log',
}

/** LOG_ERR and so on, see syslog(3). */
const priorities: Readonly<Record<LogLevel, number>> = { error: 3, warning: 4, info: 6, debug: 7 }
const LOG_USER = 1 << 3

/**
 * The datagram for a message of one line: fields of the journal (systemd.journal-fields(7), and ID as crun has it), or the
 * lines of syslog(3), whose reader adds the time.
 */
export function daemonMessage({ name, id }: LogDaemon, level: LogLevel, text: string): string {
  const priority = priorities[level]
  if (name === 'syslog') return `<${LOG_USER | priority}>${id}: ${text}`
  return `PRIORITY=${priority}\nSYSLOG_IDENTIFIER=${id}\nID=${id}\nMESSAGE=${text}\n`
}

/** The kinds of destinations that have a name in front, as crun has them. */
const KINDS: readonly string[] = ['file', 'journald', 'syslog']

/** A word before a colon that is no kind of destination: a misspelt one, more likely than the beginning of a file's name. */
export function unknownKind(destination: string): string | undefined {
  const kind = /^([^/:]+):/.exec(destination)?.[1]
  return kind !== undefined && !KINDS.includes(kind) ? kind : undefined
}

/** Reads `journald:ID` or `syslog:ID`; undefined for a destination that is a file. */
export function readDaemon(destination: string): LogDaemon | undefined {
  const [, name, id] = /^(journald|syslog):(.*)$/s.exec(destination) ?? []
  if (name === undefined) return undefined
  return { name: name as LogDaemon['name'], id: id?.replace(/[\x00-\x1f\x7f]/g, '') || 'tsrun' }
}
