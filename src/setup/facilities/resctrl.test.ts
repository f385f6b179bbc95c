import { expect, test } from 'vitest'
import type { Config, IntelRdt } from '../../../spec/generated/config.ts'
import { ID, plain, RESCTRL, type Scene, scene } from '../../../testing/scenes/faults.scene.ts'
import { createContainer } from '../../container/create.ts'
import { deleteContainer } from '../../container/delete.ts'

const request = { id: ID, bundle: '/bundle' }

function config(intelRdt: IntelRdt, hooks: Config['hooks'] = {}): Config {
  return { ...plain.config, hooks, linux: { ...plain.config.linux, intelRdt } }
}

function read({ runtime }: Scene, path: string): string {
  return runtime.outside.readTextIfAny(-100, `${RESCTRL}/${path}`) ?? 'missing'
}

function groups({ host }: Scene): string[] {
  return host
    .below(RESCTRL)
    .filter(path => path.endsWith('/tasks'))
    .map(path => path.slice(RESCTRL.length).replace(/\/?tasks$/, ''))
    .sort()
}

function created(intelRdt: IntelRdt): Scene {
  const one = scene({ config: config(intelRdt), script: {} })
  createContainer(one.runtime, request)
  return one
}

/** Somebody's group is there before. */
function withGroup(intelRdt: IntelRdt, hooks: Config['hooks'] = {}): Scene {
  const one = scene({ config: config(intelRdt, hooks), script: {} })
  one.runtime.outside.mkdirat(-100, `${RESCTRL}/gold`, 0o755)
  return one
}

test('without closID the container has a group of its own, as long as it lives', () => {
  using one = created({ l3CacheSchema: 'L3:0=f', memBwSchema: 'MB:0=20', schemata: ['L2:0=3'] })
  expect(groups(one)).toEqual(['', '/web'])
  expect(read(one, 'web/schemata')).toBe('L3:0=f\nMB:0=20\nL2:0=3\n')
  expect(read(one, 'web/tasks')).toMatch(/^\d+\n$/)
  deleteContainer(one.runtime, ID, true)
  expect(groups(one)).toEqual([''])
})

test('without schemata none are written', () => {
  using one = created({})
  expect(groups(one)).toEqual(['', '/web'])
  expect(read(one, 'web/schemata')).toBe('MB:0=100\nL3:0=00ff\n')
})

test('a group that has the id of the container is somebody else’s', () => {
  using one = scene({ config: config({}), script: {} })
  one.runtime.outside.mkdirat(-100, `${RESCTRL}/web`, 0o755)
  expect(() => createContainer(one.runtime, request)).toThrow('resctrl group `web`: EEXIST (remove it or choose')
  expect(groups(one)).toEqual(['', '/web'])
})

test('monitoring has a group of its own below that of closID', () => {
  using one = withGroup({ closID: 'gold', enableMonitoring: true })
  createContainer(one.runtime, request)
  expect(groups(one)).toEqual(['', '/gold', '/gold/mon_groups/web'])
  expect(read(one, 'gold/mon_groups/web/tasks')).toBe(read(one, 'gold/tasks'))
  deleteContainer(one.runtime, ID, true)
  expect(groups(one)).toEqual(['', '/gold'])
})

test('closID `/` is the root group', () => {
  using one = created({ closID: '/', enableMonitoring: true })
  expect(groups(one)).toEqual(['', '/mon_groups/web'])
  expect(read(one, 'tasks')).toMatch(/^\d+\n$/)
})

test('the group of closID is made with its schemata and outlives the container', () => {
  using one = created({ closID: 'gold', l3CacheSchema: 'L3:0=f' })
  expect(read(one, 'gold/schemata')).toBe('L3:0=f\n')
  deleteContainer(one.runtime, ID, true)
  expect(groups(one)).toEqual(['', '/gold'])
})

test('a group of closID that is there has to agree', () => {
  using same = withGroup({ closID: 'gold', l3CacheSchema: 'L3:0=ff' })
  createContainer(same.runtime, request)
  using other = withGroup({ closID: 'gold', l3CacheSchema: 'L3:0=f' })
  expect(() => createContainer(other.runtime, request)).toThrow(
    '/linux/intelRdt/closID: the group `gold` has other schemata already: `L3:0=f` is wanted, `MB:0=100`, `L3:0=00ff` is there',
  )
  expect(read(other, 'gold/schemata')).toBe('MB:0=100\nL3:0=00ff\n')
})

test('without schemata the group of closID has to be there', () => {
  using one = scene({ config: config({ closID: 'gold' }), script: {} })
  expect(() => createContainer(one.runtime, request)).toThrow('/linux/intelRdt/closID: the group')
  expect(groups(one)).toEqual([''])
})

test('schemata that the kernel refuses are an error with the lines', () => {
  using one = scene({ config: config({ closID: 'gold', schemata: ['L3:x=y'] }), script: {} })
  expect(() => createContainer(one.runtime, request)).toThrow('the kernel does not take the schemata L3:x=y')
  expect(groups(one)).toEqual([''])
})

test('a failed create takes the group of closID back that it made, but not one that was there', () => {
  const hooks = { createRuntime: [{ path: '/none' }] }
  using made = scene({ config: config({ closID: 'gold', schemata: ['L3:0=f'] }, hooks), script: {} })
  expect(() => createContainer(made.runtime, request)).toThrow('createRuntime')
  expect(groups(made)).toEqual([''])
  using found = withGroup({ closID: 'gold' }, hooks)
  expect(() => createContainer(found.runtime, request)).toThrow('createRuntime')
  expect(groups(found)).toEqual(['', '/gold'])
})

test('without resctrl it is an error', () => {
  using one = scene({ config: config({}), script: {} })
  one.host.world.root.children.get('sys')!.children.get('fs')!.children.delete('resctrl')
  expect(() => createContainer(one.runtime, request)).toThrow('no resctrl file system is mounted')
})
