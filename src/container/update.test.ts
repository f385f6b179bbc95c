import { expect, test } from 'vitest'
import { EIO } from '../../native/abi/errno.ts'
import type { Config, Resources } from '../../spec/generated/config.ts'
import { ID, plain, RESCTRL, type Scene, scene, variants } from '../../testing/scenes/faults.scene.ts'
import { StateError } from '../errors.ts'
import { createContainer } from './create.ts'
import { deleteContainer } from './delete.ts'
import { killContainer } from './kill.ts'
import { type UpdateRequest, updateContainer } from './update.ts'

const CGROUP = '/sys/fs/cgroup/pod/deep/web'
const SIGKILL = 9
/** memory.max, memory.swap.max, memory.low, pids.max, cpu.weight are what create has set. */
const limited = variants.find(({ name }) => name === 'with limits')!
const CHANGE: Resources = {
  memory: { limit: 1 << 22, swap: 1 << 24 },
  cpu: { quota: 20_000, burst: 1000 },
  pids: { limit: 9 },
}

function created(config: Config = limited.config): Scene {
  const one = scene({ ...limited, config })
  createContainer(one.runtime, { id: ID, bundle: '/bundle' })
  return one
}

function update({ runtime }: Scene, change: Resources, more: Partial<UpdateRequest> = {}) {
  return updateContainer(runtime, { id: ID, change, schemata: {}, dryRun: false, ...more })
}

function read({ runtime }: Scene, path: string): string | undefined {
  return runtime.outside.readTextIfAny(-100, path)?.trim()
}

function files(one: Scene): Record<string, string | undefined> {
  const names = ['memory.max', 'memory.swap.max', 'memory.low', 'pids.max', 'cpu.max', 'cpu.max.burst', 'cpu.weight']
  return Object.fromEntries(names.map(name => [name, read(one, `${CGROUP}/${name}`)]))
}

test('update writes what changes, and remembers it for the next one', () => {
  using one = created()
  const before = files(one)
  update(one, CHANGE)
  expect(files(one)).toEqual({
    ...before,
    'memory.max': `${1 << 22}`,
    'memory.swap.max': `${(1 << 24) - (1 << 22)}`,
    'pids.max': '9',
    'cpu.max': '20000 100000',
    'cpu.max.burst': '1000',
  })
  update(one, { memory: { limit: 1 << 23 }, cpu: { period: 50_000 } })
  expect(files(one)).toMatchObject({
    'memory.max': `${1 << 23}`,
    'memory.swap.max': `${(1 << 24) - (1 << 23)}`,
    'cpu.max': '20000 50000',
    'cpu.max.burst': '1000',
  })
  deleteContainer(one.runtime, ID, true)
})

test('a dry run writes nothing and tells the same differences', () => {
  using one = created()
  const before = files(one)
  const state = read(one, '/run/tsrun/web/state.json')
  const differences = update(one, CHANGE, { dryRun: true })
  expect(differences.map(({ what, now, wanted }) => [what, now, wanted])).toContainEqual(['pids.max', '5', '9'])
  expect(files(one)).toEqual(before)
  expect(read(one, '/run/tsrun/web/state.json')).toBe(state)
  expect(update(one, CHANGE)).toEqual(differences)
  expect(update(one, CHANGE)).toEqual([])
})

test('whichever call fails, either everything is new or everything is as it was', { timeout: 120_000 }, () => {
  using whole = created()
  const old = files(whole)
  const first = whole.host.world.log.length
  update(whole, CHANGE)
  const calls = whole.host.world.log.slice(first)
  const fresh = files(whole)
  expect(calls.length).toBeGreaterThan(30)
  for (const { number, name } of calls) {
    using one = created()
    one.host.failAt(one.host.world.log.length + number - first, EIO)
    let failed = false
    try {
      update(one, CHANGE)
    } catch {
      failed = true
    }
    expect(files(one), `${name} (call ${number})`).toEqual(failed ? old : fresh)
  }
})

test('a container that has stopped has no limits to change', () => {
  using one = created()
  killContainer(one.runtime, ID, SIGKILL, false)
  one.host.world.settle()
  expect(() => update(one, CHANGE)).toThrow(StateError)
})

const grouped: Config = {
  ...plain.config,
  linux: { ...plain.config.linux, intelRdt: { l3CacheSchema: 'L3:0=f' } },
}

test('schemata of its group in resctrl', () => {
  using one = created(grouped)
  const schemata = { memBwSchema: 'MB:0=50' }
  expect(update(one, {}, { schemata, dryRun: true })).toEqual([{ what: 'schemata', now: undefined, wanted: 'MB:0=50' }])
  update(one, {}, { schemata })
  expect(read(one, `${RESCTRL}/web/schemata`)).toContain('MB:0=50')
})

test('schemata need a group', () => {
  using one = created()
  expect(() => update(one, {}, { schemata: { l3CacheSchema: 'L3:0=f' } })).toThrow('has no group in resctrl')
})
