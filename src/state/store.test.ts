import { expect, test } from 'vitest'
import { AT_FDCWD, LOCK_EX, LOCK_NB, O_DIRECTORY, O_RDONLY } from '../../native/abi/fcntl.ts'
import { createKernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { createScriptedHost, fileAt, Hang } from '../../testing/scripted.ts'
import { StateError } from '../errors.ts'
import { type ContainerRecord, RECORD_VERSION } from './record.ts'
import {
  listIds,
  makeDirectories,
  openContainer,
  openContainerIfAny,
  openRoot,
  removeDirectory,
  writeRecord,
} from './store.ts'

const ROOT = '/run/tsrun'
const record: ContainerRecord = {
  id: 'web',
  ociVersion: '1.3.0',
  bundle: '/bundle',
  rootfs: '/bundle/rootfs',
  created: '2026-01-01T00:00:00.000Z',
  uid: 0,
  pid: 4242,
  startTime: '77',
}

function setUp() {
  const host = createScriptedHost()
  const outside = createKernel(new DirectCalls(host))
  return { host, outside }
}

/** With a container that has a record. */
function withContainer() {
  const { host, outside } = setUp()
  openRoot(outside, ROOT).close()
  outside.mkdirat(AT_FDCWD, `${ROOT}/web`, 0o700)
  using directory = outside.openat(AT_FDCWD, `${ROOT}/web`, O_RDONLY | O_DIRECTORY)
  writeRecord(outside, directory, record)
  fileAt(host.world.root, `${ROOT}/web/config.json`, '{"ociVersion":"1.3.0"}')
  return { host, outside }
}

test('openRoot() makes the directory with its parents', () => {
  const { host, outside } = setUp()
  using fd = openRoot(outside, '/run/user/1000/tsrun')
  expect(fd.exists).toBe(true)
  expect(host.below('/run')).toEqual(['/run/user', '/run/user/1000', '/run/user/1000/tsrun'])
})

test('makeDirectories() is content with what is there, and with another who is faster', () => {
  const { host, outside } = setUp()
  makeDirectories(outside, '/run/a/b', 0o700)
  makeDirectories(outside, '/run/a/b', 0o700)
  host.failAt(host.world.log.length + 1, 2) // statx says that it is not there yet
  makeDirectories(outside, '/run/a/b', 0o700)
  expect(host.below('/run')).toEqual(['/run/a', '/run/a/b'])
})

test('a record is read as it was written', () => {
  const { host, outside } = withContainer()
  {
    using container = openContainer(outside, ROOT, 'web', false)
    expect(container.record).toEqual({ version: RECORD_VERSION, ...record })
    expect(container.established).toEqual({ version: RECORD_VERSION, ...record })
    expect(container.configText).toBe('{"ociVersion":"1.3.0"}')
    expect(container.status).toBe('stopped') // there is no such process
  }
  expect(host.descriptors()).toEqual([])
})

test('a directory that others can write to is not believed', () => {
  for (const change of [
    (outside: ReturnType<typeof setUp>['outside'], path: string) => outside.fchownat(AT_FDCWD, path, 7, 7),
    (outside: ReturnType<typeof setUp>['outside'], path: string) => outside.fchmodat(AT_FDCWD, path, 0o770),
  ]) {
    const { outside } = withContainer()
    change(outside, `${ROOT}/web`)
    using container = openContainer(outside, ROOT, 'web', true)
    expect(container.record).toBeUndefined()
    expect(container.reading).toMatchObject({ kind: 'damaged', foreign: true, rest: {} })
    expect(() => container.established).toThrow('its directory is not ours alone')
  }
})

test('a directory without a record is a container that is being created', () => {
  const { outside } = setUp()
  makeDirectories(outside, `${ROOT}/half`, 0o700)
  using container = openContainer(outside, ROOT, 'half', false)
  expect(container.status).toBe('creating')
  expect(() => container.established).toThrow(StateError)
})

test('a container that does not exist is undefined, or an error that names it', () => {
  const { host, outside } = withContainer()
  expect(openContainerIfAny(outside, ROOT, 'other', true)).toBeUndefined()
  expect(openContainerIfAny(outside, `${ROOT}/web/state.json`, 'x', true)).toBeUndefined()
  expect(() => openContainer(outside, ROOT, 'other', true)).toThrow('container `other` does not exist')
  expect(host.descriptors()).toEqual([])
})

test('a locked container makes others wait', () => {
  const { outside } = withContainer()
  using _first = openContainer(outside, ROOT, 'web', true)
  expect(() => openContainer(outside, ROOT, 'web', true)).toThrow(Hang)
  using unlocked = openContainer(outside, ROOT, 'web', false)
  expect(unlocked.record?.id).toBe('web')
})

test('the lock is free again when the container is closed', () => {
  const { outside } = withContainer()
  openContainer(outside, ROOT, 'web', true)[Symbol.dispose]()
  using directory = outside.openat(AT_FDCWD, `${ROOT}/web`, O_RDONLY | O_DIRECTORY)
  expect(outside.flock(directory, LOCK_EX | LOCK_NB)).toBe(true)
})

test('a record that can not be read leaves a container that only force deletes', () => {
  const { host, outside } = withContainer()
  host.world.root.children.get('run')!.children.get('tsrun')!.children.get('web')!.children.get('state.json')!.content =
    '{'
  using container = openContainer(outside, ROOT, 'web', true)
  expect(() => container.established).toThrow(/damaged.*--force/)
  container[Symbol.dispose]()
  expect(host.descriptors()).toEqual([])
})

test('listIds() is sorted, and empty when there is no directory', () => {
  const { outside } = withContainer()
  outside.mkdirat(AT_FDCWD, `${ROOT}/abc`, 0o700)
  expect(listIds(outside, ROOT)).toEqual(['abc', 'web'])
  expect(listIds(outside, '/run/none')).toEqual([])
})

test('removeDirectory() takes the files of the runtime and the directory, and may be repeated', () => {
  const { host, outside } = withContainer()
  removeDirectory(outside, ROOT, 'web')
  removeDirectory(outside, ROOT, 'web')
  expect(host.below(ROOT)).toEqual([])
})
