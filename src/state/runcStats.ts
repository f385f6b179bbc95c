import type { CgroupStats, Counters, Limit } from '../kernel/cgroupStats.ts'

type StatsTree = Readonly<Record<string, unknown>>

/** What runc says for `max`: the highest number of 64 bits. */
const UNLIMITED = 0xffff_ffff_ffff_ffffn
const USEC = 1000

/** How runc, which uses the names of cgroup version 1, tells the counters of io.stat. */
const BLKIO = [
  { list: 'ioServiceBytesRecursive', counters: { rbytes: 'Read', wbytes: 'Write' } },
  { list: 'ioServicedRecursive', counters: { rios: 'Read', wios: 'Write' } },
] as const

/** Files of cpuset that only version 1 has. */
const CPUSET_ZEROS = {
  cpu_exclusive: 0,
  mem_hardwall: 0,
  mem_exclusive: 0,
  memory_migrate: 0,
  memory_spread_page: 0,
  memory_spread_slab: 0,
  memory_pressure: 0,
  sched_load_balance: 0,
  sched_relax_domain_level: 0,
}

/**
 * The `data` of runc's `stats` event: its names, units (bytes and nanoseconds) and habits, such as that zeros are left out
 * in some places and written in others. `processes` stands in for the controller pids where that is not enabled.
 */
export function runcStats(stats: CgroupStats, processes: number, intelRdt: StatsTree = {}): StatsTree {
  return {
    cpu: cpu(stats),
    cpuset: { ...withoutEmpty({ cpus: list(stats.cpuset?.cpus), mems: list(stats.cpuset?.mems) }), ...CPUSET_ZEROS },
    memory: memory(stats),
    pids: pids(stats, processes),
    blkio: { ...blkio(stats), ...psi(stats, 'io') },
    hugetlb: hugetlb(stats),
    intel_rdt: intelRdt,
    network_interfaces: null,
  }
}

function withoutEmpty(tree: StatsTree): StatsTree {
  const isEmpty = (value: unknown) =>
    value === undefined || value === 0 || (typeof value === 'object' && Object.keys(value as object).length === 0)
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => !isEmpty(value)))
}

function psi({ pressure }: CgroupStats, name: 'cpu' | 'memory' | 'io'): StatsTree {
  return pressure?.[name] === undefined ? {} : { psi: pressure[name] }
}

function cpu(stats: CgroupStats): StatsTree {
  const count: Counters = stats.cpu?.stat ?? {}
  const nanoseconds = (name: string) => (count[name] ?? 0) * USEC
  return {
    usage: {
      ...withoutEmpty({ total: nanoseconds('usage_usec') }),
      kernel: nanoseconds('system_usec'),
      user: nanoseconds('user_usec'),
    },
    throttling: withoutEmpty({
      periods: count['nr_periods'],
      throttledPeriods: count['nr_throttled'],
      throttledTime: nanoseconds('throttled_usec'),
    }),
    ...psi(stats, 'cpu'),
  }
}

interface LimitedStats {
  readonly limit: Limit
  readonly usage?: number | undefined
  readonly max?: number | undefined
  readonly failcnt?: number | undefined
}

function entry({ limit, usage, max, failcnt = 0 }: LimitedStats): StatsTree {
  return { limit: limit === 'max' ? UNLIMITED : limit, ...withoutEmpty({ usage, max }), failcnt }
}

function memory(stats: CgroupStats): StatsTree {
  const { memory } = stats
  const { current = 0, limit = 0, swap = { current: 0, limit: 0 } } = memory ?? {}
  // Together, as version 1 counted them.
  const both = limit === 'max' || swap.limit === 'max' ? 'max' : limit + swap.limit
  return {
    ...withoutEmpty({ cache: memory?.stat['file'] }),
    usage: entry({ limit, usage: current, max: memory?.peak, failcnt: memory?.events['max'] }),
    swap: entry({ limit: both, usage: current + swap.current }),
    kernel: entry({ limit: 0 }),
    kernelTCP: entry({ limit: 0 }),
    ...withoutEmpty({ raw: memory?.stat }),
    ...psi(stats, 'memory'),
  }
}

/** No limit is 0 here. */
function pids({ pids }: CgroupStats, processes: number): StatsTree {
  return withoutEmpty({ current: pids?.current ?? processes, limit: pids?.limit === 'max' ? 0 : pids?.limit })
}

function blkio({ io }: CgroupStats): StatsTree {
  const lists = BLKIO.map(({ list, counters }) => [
    list,
    (io?.devices ?? []).flatMap(device =>
      Object.entries(counters).flatMap(([name, op]) => {
        const value = device.counters[name]
        return value === undefined ? [] : [withoutEmpty({ major: device.major, minor: device.minor, op, value })]
      }),
    ),
  ])
  return withoutEmpty(Object.fromEntries(lists) as StatsTree)
}

/** What is reserved counts, where the kernel tells it. */
function hugetlb({ hugetlb = {} }: CgroupStats): StatsTree {
  return Object.fromEntries(
    Object.entries(hugetlb).map(([size, { current, failures, reserved }]) => [
      size,
      { ...withoutEmpty({ usage: reserved?.current ?? current }), failcnt: failures },
    ]),
  )
}

/** `0-2,5` as numbers. */
function list(text = ''): number[] {
  return text
    .split(',')
    .filter(part => part !== '')
    .flatMap(part => {
      const [first = 0, last = first] = part.split('-').map(Number)
      return Array.from({ length: last - first + 1 }, (_, i) => first + i)
    })
}
