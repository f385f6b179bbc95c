import type { resources } from '../../native/abi/resource.ts'

/** The fields of /proc/PID/status, see proc_pid_status(5). */
export type ProcessFields = ReadonlyMap<string, string>

export function parseFields(text: string): ProcessFields {
  const pairs = text
    .split('\n')
    .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()])
  return new Map(pairs as [string, string][])
}

/** A set of capabilities: a mask in hexadecimal digits. */
export function maskField(fields: ProcessFields, name: string): bigint {
  return BigInt(`0x${fields.get(name) || '0'}`)
}

/** The numbers of a field. */
export function numbersField(fields: ProcessFields, name: string): number[] {
  return (fields.get(name) ?? '').split(/\s+/).filter(Boolean).map(Number)
}

/** A limit of a process; undefined is none. */
export interface ProcessLimit {
  readonly type: string
  readonly soft: bigint | undefined
  readonly hard: bigint | undefined
}

/** What /proc/PID/limits calls them, see proc_pid_limits(5). */
const LIMITS: Readonly<Record<string, keyof typeof resources>> = {
  'Max cpu time': 'RLIMIT_CPU',
  'Max file size': 'RLIMIT_FSIZE',
  'Max data size': 'RLIMIT_DATA',
  'Max stack size': 'RLIMIT_STACK',
  'Max core file size': 'RLIMIT_CORE',
  'Max resident set': 'RLIMIT_RSS',
  'Max processes': 'RLIMIT_NPROC',
  'Max open files': 'RLIMIT_NOFILE',
  'Max locked memory': 'RLIMIT_MEMLOCK',
  'Max address space': 'RLIMIT_AS',
  'Max file locks': 'RLIMIT_LOCKS',
  'Max pending signals': 'RLIMIT_SIGPENDING',
  'Max msgqueue size': 'RLIMIT_MSGQUEUE',
  'Max nice priority': 'RLIMIT_NICE',
  'Max realtime priority': 'RLIMIT_RTPRIO',
  'Max realtime timeout': 'RLIMIT_RTTIME',
}

/** The lines of /proc/PID/limits that are known. Everybody may read them, unlike prlimit(2). */
export function parseLimits(text: string): ProcessLimit[] {
  return text.split('\n').flatMap(line => {
    const [, name = '', soft = '', hard = ''] = /^(.*?) {2,}(\S+) +(\S+)/.exec(line) ?? []
    const type = LIMITS[name]
    return type === undefined ? [] : [{ type, soft: limit(soft), hard: limit(hard) }]
  })
}

function limit(word: string): bigint | undefined {
  return word === 'unlimited' ? undefined : BigInt(word)
}
