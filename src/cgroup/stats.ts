import { ENOENT, EOPNOTSUPP } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { readCgroupFile } from '../kernel/cgroupAccess.ts'
import {
  type CgroupStats,
  type Counters,
  type HugetlbStats,
  type Limit,
  parseCounters,
  parseIo,
  parseLimit,
  parseNested,
  parseNumber,
  parsePressure,
} from '../kernel/cgroupStats.ts'

/** Gives what `parse` makes of a file of the cgroup; undefined when there is no such file. */
type Read = <T>(file: string, parse: (text: string) => T) => T | undefined

/** Everything that a version 2 cgroup tells of itself. Errors: KernelError when it is not there. */
export function readCgroupStats(outside: Kernel<'outside'>, cgroup: string): CgroupStats {
  using directory = outside.openat(AT_FDCWD, cgroup, O_RDONLY | O_DIRECTORY)
  const read: Read = (file, parse) => {
    // EOPNOTSUPP: the kernel was booted without pressure accounting.
    const text = readCgroupFile(outside, directory, file, [ENOENT, EOPNOTSUPP])
    return text === undefined ? undefined : parse(text)
  }
  return present({
    cpu: cpu(read),
    cpuset: cpuset(read),
    memory: memory(read),
    pids: pids(read),
    io: io(read),
    hugetlb: hugetlb(read, outside.readDirectory(directory)),
    rdma: rdma(read),
    pressure: pressure(read),
  })
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }

/** The object without the keys whose value is undefined. */
function present<T extends object>(object: T): Present<T> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as Present<T>
}

function cpu(read: Read): CgroupStats['cpu'] {
  const stat = read('cpu.stat', parseCounters)
  return stat && { stat }
}

function cpuset(read: Read): CgroupStats['cpuset'] {
  const trimmed = (text: string) => text.trim()
  const cpus = read('cpuset.cpus.effective', trimmed)
  return cpus === undefined ? undefined : { cpus, mems: read('cpuset.mems.effective', trimmed) ?? '' }
}

function memory(read: Read): CgroupStats['memory'] {
  const current = read('memory.current', parseNumber)
  if (current === undefined) return undefined
  return {
    current,
    limit: read('memory.max', parseLimit) ?? 'max',
    stat: read('memory.stat', parseCounters) ?? {},
    events: read('memory.events', parseCounters) ?? {},
    ...present({
      peak: read('memory.peak', parseNumber),
      swap: swap(read),
    }),
  }
}

function swap(read: Read): { current: number; limit: Limit } | undefined {
  const current = read('memory.swap.current', parseNumber)
  return current === undefined ? undefined : { current, limit: read('memory.swap.max', parseLimit) ?? 'max' }
}

function pids(read: Read): CgroupStats['pids'] {
  const current = read('pids.current', parseNumber)
  if (current === undefined) return undefined
  return { current, limit: read('pids.max', parseLimit) ?? 'max', events: read('pids.events', parseCounters) ?? {} }
}

function io(read: Read): CgroupStats['io'] {
  const devices = read('io.stat', parseIo)
  return devices && { devices }
}

function pressure(read: Read): CgroupStats['pressure'] {
  const [cpu, memory, io] = ['cpu', 'memory', 'io'].map(name => read(`${name}.pressure`, parsePressure))
  const found = present({ cpu, memory, io })
  return Object.keys(found).length === 0 ? undefined : found
}

function hugetlb(read: Read, files: readonly string[]): CgroupStats['hugetlb'] {
  const sizes = files.flatMap(file => /^hugetlb\.(\w+)\.current$/.exec(file)?.[1] ?? [])
  const found = sizes.flatMap(size => {
    const stats = hugetlbOf(read, `hugetlb.${size}`)
    return stats === undefined ? [] : [[size, stats] as const]
  })
  return found.length === 0 ? undefined : Object.fromEntries(found)
}

function hugetlbOf(read: Read, prefix: string): HugetlbStats | undefined {
  const current = read(`${prefix}.current`, parseNumber)
  if (current === undefined) return undefined
  const reserved = read(`${prefix}.rsvd.current`, parseNumber)
  return {
    current,
    limit: read(`${prefix}.max`, parseLimit) ?? 'max',
    failures: read(`${prefix}.events`, parseCounters)?.['max'] ?? 0,
    ...(reserved !== undefined && {
      reserved: { current: reserved, limit: read(`${prefix}.rsvd.max`, parseLimit) ?? 'max' },
    }),
  }
}

function rdma(read: Read): CgroupStats['rdma'] {
  const current = read('rdma.current', parseNested)
  if (current === undefined || Object.keys(current).length === 0) return undefined
  const limits = read('rdma.max', parseNested) ?? {}
  return Object.fromEntries(
    Object.entries(current).map(([device, counts]) => [
      device,
      { current: counts as Counters, limit: limits[device] ?? {} },
    ]),
  )
}
