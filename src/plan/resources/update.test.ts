import { expect, test } from 'vitest'
import { planResources, stepsFor } from './resources.ts'
import { completeChange, mergeResources } from './update.ts'

type Resources = Parameters<typeof mergeResources>[1]

/** What a change writes, as `file=value`. */
function written(old: Resources, change: Resources): string[] {
  return stepsFor(planResources(completeChange(old, change)), false).map(({ file, value }) => `${file}=${value}`)
}

test('mergeResources() keeps what the change does not name', () => {
  expect(
    mergeResources(
      { memory: { limit: 1, reservation: 2 }, pids: { limit: 3 } },
      { memory: { limit: 4 }, cpu: { idle: 1 } },
    ),
  ).toEqual({ memory: { limit: 4, reservation: 2 }, pids: { limit: 3 }, cpu: { idle: 1 } })
  expect(mergeResources(undefined, { pids: { limit: 1 } })).toEqual({ pids: { limit: 1 } })
})

test('mergeResources() merges lists by device and by page size, and maps by name', () => {
  const old = {
    blockIO: {
      throttleReadBpsDevice: [
        { major: 8, minor: 0, rate: 1 },
        { major: 8, minor: 16, rate: 2 },
      ],
    },
    hugepageLimits: [{ pageSize: '2MB', limit: 1 }],
    unified: { 'memory.high': '1' },
  }
  const change = {
    blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 9 }] },
    hugepageLimits: [{ pageSize: '1GB', limit: 2 }],
    unified: { 'memory.low': '2' },
  }
  expect(mergeResources(old, change)).toEqual({
    blockIO: {
      throttleReadBpsDevice: [
        { major: 8, minor: 16, rate: 2 },
        { major: 8, minor: 0, rate: 9 },
      ],
    },
    hugepageLimits: [
      { pageSize: '2MB', limit: 1 },
      { pageSize: '1GB', limit: 2 },
    ],
    unified: { 'memory.high': '1', 'memory.low': '2' },
  })
})

test('mergeResources() replaces the rules for devices', () => {
  const rules = [{ allow: true, type: 'c', major: 1, minor: 3 } as const]
  expect(mergeResources({ devices: [{ allow: false }] }, { devices: rules })).toEqual({ devices: rules })
})

test.each<[string, Resources, Resources, string[]]>([
  [
    'a limit on both keeps its meaning when that on memory changes',
    { memory: { limit: 100, swap: 300 } },
    { memory: { limit: 200 } },
    ['memory.swap.max=100', 'memory.max=200'],
  ],
  [
    'a limit on both alone uses the one on memory',
    { memory: { limit: 100 } },
    { memory: { swap: 150 } },
    ['memory.swap.max=50', 'memory.max=100'],
  ],
  [
    'no limit on memory is none on both',
    { memory: { limit: 100, swap: 150 } },
    { memory: { limit: -1 } },
    ['memory.swap.max=max', 'memory.max=max'],
  ],
  [
    'a period alone keeps quota and burst',
    { cpu: { quota: 1000, burst: 500 } },
    { cpu: { period: 50_000 } },
    ['cpu.max.burst=0', 'cpu.max=1000 50000', 'cpu.max.burst=500'],
  ],
  [
    'shares of an idle cgroup leave it idle',
    { cpu: { idle: 1 } },
    { cpu: { shares: 1024 } },
    ['cpu.idle=0', 'cpu.weight=100', 'cpu.idle=1'],
  ],
  [
    'who is idle no more gets its shares back',
    { cpu: { idle: 1, shares: 1024 } },
    { cpu: { idle: 0 } },
    ['cpu.idle=0', 'cpu.weight=100'],
  ],
  ['nothing else is written', { memory: { limit: 100 }, pids: { limit: 3 } }, { pids: { limit: 4 } }, ['pids.max=4']],
])('completeChange(): %s', (_, old, change, files) => expect(written(old, change)).toEqual(files))

test('a limit on memory above the old one on both is an error that tells both', () => {
  expect(() => written({ memory: { limit: 100, swap: 300 } }, { memory: { limit: 400 } })).toThrow('300 < 400')
})
