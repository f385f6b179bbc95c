import { expect, test } from 'vitest'
import type { Resources } from '../../../spec/generated/config.ts'
import type { DeviceRuleInput } from '../devices/deviceRules.ts'
import { planResources } from '../resources/resources.ts'
import { planScope, type ScopeWishes } from './scope.ts'

const wishes: ScopeWishes = {
  id: 'web',
  cgroupsPath: undefined,
  annotations: undefined,
  devices: undefined,
  limits: [],
  ofUser: false,
}

/** Properties beyond the basic ones, by name. */
function properties(change: Partial<ScopeWishes>): Record<string, unknown> {
  const basic = planScope(wishes).properties.map(({ name }) => name)
  const rest = planScope({ ...wishes, ...change }).properties.filter(({ name }) => !basic.includes(name))
  return Object.fromEntries(rest.map(({ name, variant }) => [name, variant.value]))
}

const limited = (resources: Resources) => properties({ limits: planResources(resources).steps })
const annotated = (annotations: Record<string, string>) => planScope({ ...wishes, annotations })
const filtered = (...devices: DeviceRuleInput[]) => properties({ devices })
const INFINITY = 0xffff_ffff_ffff_ffffn

test('planScope() makes a scope that is ours to divide and that systemd forgets when it is empty', () => {
  const { name, slice, properties } = planScope(wishes)
  expect([name, slice]).toEqual(['tsrun-web.scope', 'system.slice'])
  const values = Object.fromEntries(properties.map(property => [property.name, property.variant.value]))
  expect(values).toMatchObject({
    Description: 'tsrun container web',
    Slice: 'system.slice',
    Delegate: true,
    DefaultDependencies: false,
    CollectMode: 'inactive-or-failed',
  })
  expect(planScope({ ...wishes, ofUser: true }).slice).toBe('user.slice')
})

test.each<[Resources, Record<string, unknown>]>([
  [{ memory: { limit: 4096 } }, { MemoryMax: 4096n }],
  [
    { memory: { limit: 4096, swap: 8192, reservation: 1024 } },
    { MemoryMax: 4096n, MemorySwapMax: 4096n, MemoryLow: 1024n },
  ],
  [{ memory: { limit: -1 } }, { MemoryMax: INFINITY, MemorySwapMax: INFINITY }],
  [{ pids: { limit: 7 } }, { TasksMax: 7n }],
  [{ cpu: { shares: 1024 } }, { CPUWeight: 100n }],
  [{ cpu: { quota: 50_000, period: 100_000 } }, { CPUQuotaPerSecUSec: 500_000n, CPUQuotaPeriodUSec: 100_000n }],
  [{ cpu: { quota: 25_125, period: 50_000 } }, { CPUQuotaPerSecUSec: 510_000n, CPUQuotaPeriodUSec: 50_000n }],
  [{ cpu: { idle: 1 } }, { CPUWeight: 0n }],
  [{ unified: { 'cpu.max': 'max 200000' } }, { CPUQuotaPerSecUSec: INFINITY, CPUQuotaPeriodUSec: 200_000n }],
  [
    { unified: { 'memory.high': '4096', 'memory.min': '1', 'memory.oom.group': '1' } },
    { MemoryHigh: 4096n, MemoryMin: 1n, OOMPolicy: 'kill' },
  ],
  [{ blockIO: { weight: 505 } }, { IOWeight: 5000n }],
  [{ unified: { 'io.weight': 'default 77' } }, { IOWeight: 77n }],
  [{ memory: { limit: 4096 }, unified: { 'memory.max': '8192' } }, { MemoryMax: 8192n }],
  // What systemd has no word for is left to the files.
  [{ unified: { 'hugetlb.2MB.max': '0', 'cpu.max.burst': '5', 'memory.max': '1G', 'io.weight': '8:0 50' } }, {}],
])('planScope() tells systemd of the limits %j', (resources, expected) => {
  expect(limited(resources)).toEqual(expected)
})

test('planScope() makes bit masks of lists of processors and memory nodes', () => {
  const { AllowedCPUs, AllowedMemoryNodes } = limited({ cpu: { cpus: '0-2,9', mems: '1' } })
  expect([...(AllowedCPUs as Uint8Array)].slice(0, 3)).toEqual([0b111, 0b10, 0])
  expect([...(AllowedMemoryNodes as Uint8Array)].slice(0, 2)).toEqual([0b10, 0])
  expect(limited({ unified: { 'cpuset.cpus': '0-6:2/4' } })).toEqual({})
})

test('planScope() has systemd filter devices as the rules do', () => {
  const { DevicePolicy, DeviceAllow } = filtered(
    { allow: false, access: 'rwm' },
    { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
    { allow: true, type: 'b', major: 8, access: 'r' },
  )
  expect(DevicePolicy).toBe('strict')
  expect(DeviceAllow).toEqual(
    expect.arrayContaining([
      ['/dev/char/10:229', 'rwm'], // making any node is always allowed
      ['block-8', 'rm'],
      ['char-*', 'm'],
      ['/dev/char/1:3', 'rwm'],
      ['char-136', 'rwm'],
    ]),
  )
})

test('planScope() leaves the filter to us where systemd could not say it, or nothing is filtered', () => {
  const deny = { allow: false, access: 'rwm' }
  expect(filtered()).toEqual({})
  expect(filtered(deny, { allow: true, access: 'rwm' })).toEqual({})
  expect(filtered(deny, { allow: true, type: 'c', access: 'rw' }, { allow: false, type: 'c', major: 4 })).toEqual({})
  expect(filtered(deny, { allow: true, type: 'c', minor: 4, access: 'rw' })).toEqual({})
  expect(properties({ devices: [deny], ofUser: true })).toEqual({})
})

test('planScope() takes properties from annotations, and they win', () => {
  const { properties } = annotated({
    'org.systemd.property.TimeoutStopUSec': 'uint64 5000000',
    'org.systemd.property.RuntimeMaxSec': '1.5',
    'org.systemd.property.CollectMode': "'inactive'",
    'org.systemd.property.Before': "['a.service', 'b.service']",
    other: 'x',
  })
  const byName = Object.fromEntries(properties.map(property => [property.name, property]))
  expect(byName).toMatchObject({
    TimeoutStopUSec: { variant: { signature: 't', value: 5_000_000n }, asked: true },
    RuntimeMaxUSec: { variant: { signature: 't', value: 1_500_000n }, asked: true },
    CollectMode: { variant: { signature: 's', value: 'inactive' }, asked: true },
    Before: { variant: { signature: 'as', value: ['a.service', 'b.service'] } },
  })
  expect(properties.filter(({ name }) => name === 'CollectMode')).toHaveLength(1)
})

test.each([
  ['org.systemd.property.X1', 'true', 'not the name of a property'],
  ['org.systemd.property.PIDs', '[uint32 1]', 'is set from'],
  ['org.systemd.property.Delegate', 'maybe', 'not a value'],
  ['org.systemd.property.TimeoutStopSec', "'5'", 'a number of seconds is wanted'],
  ['org.systemd.property.TimeoutStopSec', '-5', 'can not be negative'],
  ['run.oci.systemd.subgroup', 'a/b', 'not the name of a cgroup'],
  ['run.oci.delegate-cgroup', '..', 'not the name of a cgroup'],
])('planScope() refuses annotation %s: %s, it is %s', (key, value, reason) => {
  expect(() => annotated({ [key]: value })).toThrow(reason)
  expect(() => annotated({ [key]: value })).toThrow(`/annotations/${key}`)
})

test('planScope() has the cgroups below the scope that are asked for, and none otherwise', () => {
  expect(annotated({ 'run.oci.systemd.subgroup': '', 'run.oci.delegate-cgroup': '/init' })).toMatchObject({
    subgroup: undefined,
    delegate: 'init',
  })
  expect(annotated({ 'run.oci.systemd.subgroup': 'container' })).toMatchObject({ subgroup: 'container' })
})
