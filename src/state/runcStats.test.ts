import { expect, test } from 'vitest'
import { stringify } from '../config/json.ts'
import { runcStats } from './runcStats.ts'

const LINE = { avg10: 1.5, avg60: 0, avg300: 0, total: 241740 }

test('runcStats() of a cgroup without controllers is what runc prints of one', () => {
  const stats = {
    cpu: { stat: { usage_usec: 75_156, user_usec: 13_664, system_usec: 61_492 } },
    pressure: { cpu: { some: LINE, full: LINE } },
    hugetlb: { '2MB': { current: 0, limit: 'max', failures: 0 } },
  } as const
  expect(stringify(runcStats(stats, 2))).toBe(
    '{"cpu":{"usage":{"total":75156000,"kernel":61492000,"user":13664000},"throttling":{},' +
      '"psi":{"some":{"avg10":1.5,"avg60":0,"avg300":0,"total":241740},"full":{"avg10":1.5,"avg60":0,"avg300":0,"total":241740}}},' +
      '"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,"mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,' +
      '"memory_spread_slab":0,"memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0},' +
      '"memory":{"usage":{"limit":0,"failcnt":0},"swap":{"limit":0,"failcnt":0},"kernel":{"limit":0,"failcnt":0},' +
      '"kernelTCP":{"limit":0,"failcnt":0}},"pids":{"current":2},"blkio":{},"hugetlb":{"2MB":{"failcnt":0}},' +
      '"intel_rdt":{},"network_interfaces":null}',
  )
})

test('runcStats() counts memory and swap together, and knows no limit as the highest number', () => {
  const memory = { current: 10, peak: 12, stat: { file: 4, anon: 6 }, events: { max: 3 } }
  const limited = runcStats({ memory: { ...memory, limit: 100, swap: { current: 5, limit: 50 } } }, 0)['memory']
  expect(limited).toMatchObject({
    cache: 4,
    usage: { limit: 100, usage: 10, max: 12, failcnt: 3 },
    swap: { limit: 150, usage: 15, failcnt: 0 },
    raw: { file: 4, anon: 6 },
  })
  const free = runcStats({ memory: { ...memory, limit: 'max', swap: { current: 0, limit: 7 } } }, 0)
  expect(stringify(free)).toContain(
    '"usage":{"limit":18446744073709551615,"usage":10,"max":12,"failcnt":3},"swap":{"limit":18446744073709551615,"usage":10,"failcnt":0}',
  )
})

test('runcStats() tells disks in the tables of version 1, and leaves out no limit on processes', () => {
  const stats = runcStats(
    {
      cpuset: { cpus: '0-2,5', mems: '' },
      pids: { current: 3, limit: 'max', events: {} },
      io: { devices: [{ major: 8, minor: 0, counters: { rbytes: 4096, wbytes: 0, rios: 1, wios: 0, dbytes: 7 } }] },
      hugetlb: { '2MB': { current: 1, limit: 'max', failures: 2, reserved: { current: 9, limit: 'max' } } },
    },
    0,
  )
  expect(stats).toMatchObject({
    pids: { current: 3 },
    blkio: {
      ioServiceBytesRecursive: [
        { major: 8, op: 'Read', value: 4096 },
        { major: 8, op: 'Write' },
      ],
      ioServicedRecursive: [
        { major: 8, op: 'Read', value: 1 },
        { major: 8, op: 'Write' },
      ],
    },
    hugetlb: { '2MB': { usage: 9, failcnt: 2 } },
  })
  expect(stats['pids']).toEqual({ current: 3 })
  expect(stats['cpuset']).toMatchObject({ cpus: [0, 1, 2, 5] })
  expect(stats['cpuset']).not.toHaveProperty('mems')
})
