import { expect, test } from 'vitest'
import type { Resources } from '../../../spec/generated/config.ts'
import { ConfigError } from '../../errors.ts'
import { ioWeight } from './blockIo.ts'
import { cpuWeight } from './cpu.ts'
import { firstLimit, neededControllers, planResources, stepsFor } from './resources.ts'
import { controllerOf } from './step.ts'

/** What goes into the files of a new cgroup, as `file=value`. */
const written = (resources: Resources) =>
  stepsFor(planResources(resources), true).map(({ file, value }) => `${file}=${value}`)

/** The same for one that may have other limits. */
const rewritten = (resources: Resources) =>
  stepsFor(planResources(resources), false).map(({ file, value }) => `${file}=${value}`)

test.each<[string, Resources, string[]]>([
  ['memory', { memory: { limit: 1000, reservation: 500 } }, ['memory.max=1000', 'memory.low=500']],
  ['swap alone', { memory: { limit: 1000, swap: 1500 } }, ['memory.swap.max=500', 'memory.max=1000']],
  ['no swap', { memory: { limit: 1000, swap: 1000 } }, ['memory.swap.max=0', 'memory.max=1000']],
  ['no swap by a 0', { memory: { swap: 0 } }, ['memory.swap.max=0']],
  ['no swap by a 0 beside a limit', { memory: { limit: 1000, swap: 0 } }, ['memory.swap.max=0', 'memory.max=1000']],
  [
    'bytes beyond 2^53',
    { memory: { limit: 9007199254740993n, swap: 9007199254740995n } },
    ['memory.swap.max=2', 'memory.max=9007199254740993'],
  ],
  ['shares', { cpu: { shares: 1024 } }, ['cpu.weight=100']],
  ['a quota', { cpu: { quota: 50000 } }, ['cpu.max=50000 100000']],
  ['a quota with a period', { cpu: { quota: 5000, period: 20000 } }, ['cpu.max=5000 20000']],
  ['a burst, after its quota', { cpu: { burst: 10, quota: 5000 } }, ['cpu.max=5000 100000', 'cpu.max.burst=10']],
  ['idle, after the weight', { cpu: { idle: 1, shares: 2 } }, ['cpu.weight=1', 'cpu.idle=1']],
  ['processors and nodes', { cpu: { cpus: '0-1', mems: '0' } }, ['cpuset.cpus=0-1', 'cpuset.mems=0']],
  ['pids', { pids: { limit: 2048 } }, ['pids.max=2048']],
  ['no further process', { pids: { limit: 0 } }, ['pids.max=1']],
  [
    'weights',
    { blockIO: { weight: 10, weightDevice: [{ major: 8, minor: 16, weight: 1000 }] } },
    ['io.bfq.weight=10', 'io.bfq.weight=8:16 1000'],
  ],
  [
    'rates',
    {
      blockIO: {
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }],
        throttleWriteBpsDevice: [{ major: 8, minor: 0, rate: 18446744073709551615n }],
        throttleReadIOPSDevice: [{ major: 8, minor: 0, rate: 3 }],
        throttleWriteIOPSDevice: [
          { major: 8, minor: 0, rate: 4 },
          { major: 9, minor: 1, rate: 5 },
        ],
      },
    },
    [
      'io.max=8:0 rbps=1',
      'io.max=8:0 wbps=18446744073709551615',
      'io.max=8:0 riops=3',
      'io.max=8:0 wiops=4',
      'io.max=9:1 wiops=5',
    ],
  ],
  [
    'huge pages, used and reserved',
    { hugepageLimits: [{ pageSize: '2MB', limit: 4194304 }] },
    ['hugetlb.2MB.max=4194304', 'hugetlb.2MB.rsvd.max=4194304'],
  ],
  [
    'RDMA',
    { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, rxe3: { hcaObjects: 0 } } },
    ['rdma.max=mlx5_1 hca_handle=3 hca_object=10000', 'rdma.max=rxe3 hca_object=0'],
  ],
  [
    'files, last, a line at a time',
    {
      unified: { 'io.max': '259:0 rbps=1\n253:0 wiops=120\n', 'memory.high': '5', 'cpuset.cpus': '' },
      pids: { limit: 1 },
    },
    ['pids.max=1', 'io.max=259:0 rbps=1', 'io.max=253:0 wiops=120', 'memory.high=5', 'cpuset.cpus=\n'],
  ],
])('planResources(): %s', (_, resources, files) => {
  expect(written(resources)).toEqual(files)
})

test('every step has the pointer of the property that asks for it', () => {
  const { steps } = planResources({
    memory: { limit: 2, swap: 2 },
    blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1 }] },
    rdma: { 'a/b': { hcaHandles: 1 } },
    unified: { 'memory.high': '1' },
  })
  expect(steps.map(({ pointer }) => pointer.replace('/linux/resources/', ''))).toEqual([
    'memory/swap',
    'memory/limit',
    'blockIO/throttleReadBpsDevice/0',
    'rdma/a~1b',
    'unified/memory.high',
  ])
})

test.each<[string, Resources]>([
  ['nothing', {}],
  ['empty objects', { memory: {}, cpu: {}, pids: {}, blockIO: {}, network: {}, unified: {}, rdma: {} }],
  [
    'the zeros of docker',
    {
      memory: { limit: 0, swap: 0, disableOOMKiller: false, useHierarchy: true, swappiness: 18446744073709551615n },
      cpu: { shares: 0, quota: 0, period: 0, cpus: '', mems: '', realtimePeriod: 0, realtimeRuntime: 0 },
      blockIO: { weight: 0, weightDevice: [], throttleReadBpsDevice: [] },
      devices: [{ allow: false, access: 'rwm' }],
    },
  ],
  [
    'the example of the specification',
    { memory: { limit: -1, swap: -1, kernel: -1, kernelTCP: -1, swappiness: 0, disableOOMKiller: false } },
  ],
  ['no limits', { memory: { limit: -1 }, cpu: { quota: -1, period: 100000, idle: 0 }, pids: { limit: -1 } }],
])('planResources() of %s writes nothing, and needs no controller', (_, resources) => {
  expect(written(resources)).toEqual([])
  expect(neededControllers(planResources(resources))).toEqual([])
  expect(firstLimit(planResources(resources))).toBeUndefined()
})

test('no limit is written to a cgroup that may have one', () => {
  expect(rewritten({ memory: { limit: -1 }, pids: { limit: -1 } })).toEqual([
    'memory.swap.max=max',
    'memory.max=max',
    'pids.max=max',
  ])
  expect(rewritten({ cpu: { quota: -1 } })).toEqual(['cpu.max=max 100000'])
})

test('a new quota finds no old burst above it, and a weight no idle cgroup', () => {
  expect(rewritten({ cpu: { quota: 1000, burst: 500, shares: 2, idle: 1 } })).toEqual([
    'cpu.idle=0',
    'cpu.weight=1',
    'cpu.idle=1',
    'cpu.max.burst=0',
    'cpu.max=1000 100000',
    'cpu.max.burst=500',
  ])
})

test('a period without a quota limits nothing, but is there to be read', () => {
  const plan = planResources({ cpu: { period: 50000 } })
  expect(stepsFor(plan, true)).toMatchObject([{ value: 'max 50000', otherwise: 'skip' }])
  expect(neededControllers(plan)).toEqual([])
})

test.each<[string, Resources, string]>([
  ['/memory/swap', { memory: { swap: 1 } }, 'a limit on memory and swap together needs a limit on memory too'],
  ['/memory/swap', { memory: { limit: -1, swap: 1 } }, 'needs a limit on memory too'],
  ['/memory/swap', { memory: { limit: 2, swap: 1 } }, 'can not be less than the limit on memory, 1 < 2'],
  ['/memory/kernel', { memory: { kernel: 1 } }, 'exists in cgroup version 1 only'],
  ['/memory/kernelTCP', { memory: { kernelTCP: 1 } }, 'exists in cgroup version 1 only'],
  ['/memory/swappiness', { memory: { swappiness: 60 } }, 'exists in cgroup version 1 only'],
  ['/memory/disableOOMKiller', { memory: { disableOOMKiller: true } }, 'exists in cgroup version 1 only'],
  ['/cpu/realtimeRuntime', { cpu: { realtimeRuntime: 1 } }, 'exists in cgroup version 1 only'],
  ['/cpu/realtimePeriod', { cpu: { realtimePeriod: 1 } }, 'exists in cgroup version 1 only'],
  ['/cpu/burst', { cpu: { quota: 1, burst: 2 } }, 'can not be more than the quota, 2 > 1'],
  ['/cpu/idle', { cpu: { idle: 2 } }, 'must be 0 or 1, is 2'],
  ['/blockIO/leafWeight', { blockIO: { leafWeight: 10 } }, 'exists in cgroup version 1 only'],
  [
    '/blockIO/leafWeight',
    { blockIO: { weightDevice: [{ major: 8, minor: 0, leafWeight: 10 }] } },
    'exists in cgroup version 1 only',
  ],
  ['/blockIO/weight', { blockIO: { weight: 9 } }, 'must be between 10 and 1000, is 9'],
  ['/blockIO/weightDevice/0', { blockIO: { weightDevice: [{ major: 8, minor: 0 }] } }, 'neither weight nor leafWeight'],
  ['/network/classID', { network: { classID: 1 } }, 'exists in cgroup version 1 only'],
  ['/network/priorities', { network: { priorities: [{ name: 'eth0', priority: 1 }] } }, 'version 1 only'],
  ['/hugepageLimits/0/pageSize', { hugepageLimits: [{ pageSize: '2 MB', limit: 0 }] }, 'is "2 MB"'],
  ['/rdma/a b', { rdma: { 'a b': { hcaHandles: 1 } } }, 'is not the name of an RDMA device'],
  ['/unified/..~1memory.max', { unified: { '../memory.max': '1' } }, 'has not the form CONTROLLER.VALUE'],
  ['/unified/memory', { unified: { memory: '1' } }, 'has not the form CONTROLLER.VALUE'],
  ['/unified/..', { unified: { '..': '1' } }, 'has not the form CONTROLLER.VALUE'],
  ['/unified/cgroup.procs', { unified: { 'cgroup.procs': '1' } }, 'acts on processes'],
  ['/unified/cgroup.freeze', { unified: { 'cgroup.freeze': '1' } }, 'acts on processes'],
])('planResources() refuses %s', (pointer, resources, reason) => {
  try {
    planResources(resources)
    expect.fail('nothing was thrown')
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    expect(error).toMatchObject({ pointer: `/linux/resources${pointer}` })
    expect((error as Error).message).toContain(reason)
    expect((error as Error).message).not.toMatch(/[.\n]$/)
  }
})

test('neededControllers() names each once, with who asks first', () => {
  const plan = planResources({
    memory: { limit: 1, reservation: 1 },
    cpu: { cpus: '0' },
    unified: { 'memory.high': '1', 'misc.max': 'a 1', 'cgroup.max.depth': '1', 'io.pressure': 'some 1 2' },
  })
  expect(neededControllers(plan)).toEqual([
    { controller: 'memory', pointer: '/linux/resources/memory/limit' },
    { controller: 'cpuset', pointer: '/linux/resources/cpu/cpus' },
    { controller: 'misc', pointer: '/linux/resources/unified/misc.max' },
  ])
})

test.each([
  ['io.bfq.weight', 'io'],
  ['hugetlb.2MB.rsvd.max', 'hugetlb'],
  ['cgroup.max.depth', undefined],
  ['memory.pressure', undefined],
])('controllerOf() %s is %s', (file, controller) => {
  expect(controllerOf(file)).toBe(controller)
})

test('planResources() wants the usage looked at only when asked', () => {
  expect(planResources({ memory: { limit: 5 } }).usageCheck).toBeUndefined()
  expect(planResources({ memory: { limit: 5, swap: 7, checkBeforeUpdate: true } }).usageCheck).toEqual({
    limit: 5n,
    swap: 2n,
  })
  expect(planResources({ memory: { limit: -1, checkBeforeUpdate: true } }).usageCheck).toBeUndefined()
})

test.each([
  [0, 1],
  [1, 1],
  [2, 1],
  [4, 2],
  [512, 59],
  [1000, 99],
  [1024, 100],
  [2048, 174],
  [65536, 3023],
  [262143, 10000],
  [262144, 10000],
  [18446744073709551615n, 10000],
])('cpuWeight() of %s shares is %s', (shares, weight) => {
  expect(cpuWeight(shares)).toBe(weight)
})

test('cpuWeight() never falls, and stays in the range of the kernel', () => {
  let last = 1
  for (let shares = 2; shares <= 262144; shares += 7) {
    const weight = cpuWeight(shares)
    expect(weight).toBeGreaterThanOrEqual(last)
    last = weight
  }
  expect(last).toBeLessThanOrEqual(10000)
})

test.each([
  [10, 1],
  [100, 910],
  [500, 4950],
  [1000, 10000],
])('ioWeight() of %s is %s', (weight, expected) => {
  expect(ioWeight(weight)).toBe(expected)
})

test.each([
  ['1.0.2', undefined],
  ['1.2.1', undefined],
  ['1.3.0', '1'],
  ['1.4.0-dev', '1'],
  ['1.0', undefined],
  ['', undefined],
])('a limit of 0 on processes in a configuration of version `%s`', (version, value) => {
  const { steps } = planResources({ pids: { limit: 0 } }, version)
  expect(steps.find(({ initial }) => !initial)?.value).toBe(value)
})
