// What the files of a version 2 cgroup say, as plain objects; see the interface files of cgroup-v2.rst. Names are the
// kernel's; bytes, microseconds and counts as it gives them.

/** Values by name, of files with a pair on each line. */
export type Counters = Readonly<Record<string, number>>

/** A limit of the kernel: `max` is none. */
export type Limit = number | 'max'

/** How long tasks waited; see "Pressure Stall Information" of the kernel. Averages are percent, total is microseconds. */
export interface Pressure {
  readonly some?: PressureLine
  readonly full?: PressureLine
}

/** A share of time in which tasks waited. */
export interface PressureLine {
  readonly avg10: number
  readonly avg60: number
  readonly avg300: number
  readonly total: number
}

/** What was read from and written to one disk. */
export interface IoCounters {
  readonly major: number
  readonly minor: number
  readonly counters: Counters
}

/** Huge pages of one size. */
export interface HugetlbStats {
  readonly current: number
  readonly limit: Limit
  /** How often the limit was met. */
  readonly failures: number
  readonly reserved?: { readonly current: number; readonly limit: Limit }
}

/** All that a cgroup tells; parts whose controller is not enabled are absent. */
export interface CgroupStats {
  readonly cpu?: { readonly stat: Counters }
  readonly cpuset?: { readonly cpus: string; readonly mems: string }
  readonly memory?: {
    readonly current: number
    /** Since Linux 5.19. */
    readonly peak?: number
    readonly limit: Limit
    readonly swap?: { readonly current: number; readonly limit: Limit }
    readonly stat: Counters
    readonly events: Counters
  }
  readonly pids?: { readonly current: number; readonly limit: Limit; readonly events: Counters }
  readonly io?: { readonly devices: readonly IoCounters[] }
  /** Measured whether the controller is enabled or not, unless the kernel was booted without. */
  readonly pressure?: { readonly cpu?: Pressure; readonly memory?: Pressure; readonly io?: Pressure }
  readonly hugetlb?: Readonly<Record<string, HugetlbStats>>
  readonly rdma?: Readonly<
    Record<string, { readonly current: Counters; readonly limit: Readonly<Record<string, Limit>> }>
  >
}

function lines(text: string): string[] {
  return text.split('\n').filter(line => line !== '')
}

/** A file with one number. */
export function parseNumber(text: string): number {
  return Number(text.trim())
}

/** A file with one number or `max`, for which hugetlb.*.max have the highest number of bytes that pages can have. */
export function parseLimit(text: string): Limit {
  const word = text.trim()
  return word === 'max' || Number(word) > Number.MAX_SAFE_INTEGER ? 'max' : Number(word)
}

/** Lines of a name and a number: cpu.stat, memory.stat, *.events. */
export function parseCounters(text: string): Counters {
  return Object.fromEntries(
    lines(text).map(line => {
      const [name, value] = line.split(' ')
      return [name!, Number(value)]
    }),
  )
}

/** Lines of a key and `name=value` words: rdma.max, *.pressure. Values may be `max`. */
export function parseNested(text: string): Record<string, Record<string, Limit>> {
  return Object.fromEntries(
    lines(text).map(line => {
      const [key, ...words] = line.split(' ').filter(Boolean)
      return [key!, Object.fromEntries(words.map(word => pair(word)))]
    }),
  )
}

function pair(word: string): [string, Limit] {
  const at = word.indexOf('=')
  return [word.slice(0, at), parseLimit(word.slice(at + 1))]
}

/** `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and `full` likewise. */
export function parsePressure(text: string): Pressure {
  return parseNested(text) as Pressure
}

/** io.stat: a line per device, `8:0 rbytes=… wios=…`. Devices that did nothing have no counters and are left out. */
export function parseIo(text: string): IoCounters[] {
  return Object.entries(parseNested(text)).flatMap(([device, counters]) => {
    const [major, minor] = device.split(':').map(Number)
    return Object.keys(counters).length === 0 ? [] : [{ major: major!, minor: minor!, counters: counters as Counters }]
  })
}
