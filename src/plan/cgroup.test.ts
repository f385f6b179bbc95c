import { expect, test } from 'vitest'
import type { Config } from '../../spec/generated/config.ts'
import { cgroupOwner, cgroupPath } from './cgroup.ts'

test.each([
  [undefined, '/tsrun-web'],
  ['', '/tsrun-web'],
  ['/pod/a', '/pod/a'],
  ['pod/a', '/pod/a'],
  ['//pod/./a/', '/pod/a'],
  ['/pod/../../../a', '/a'],
  ['../..', '/'],
])('cgroupPath() of %j is %s', (asked, path) => {
  expect(cgroupPath('web', asked)).toBe(path)
})

const container = (change: Partial<Config>): Config => ({
  ociVersion: '1.3.0',
  process: { cwd: '/', user: { uid: 7 } },
  mounts: [{ destination: '/sys/fs/cgroup', source: 'cgroup', type: 'cgroup', options: ['nosuid'] }],
  linux: { namespaces: [{ type: 'cgroup' }] },
  ...change,
})

test('cgroupOwner() is who runs the program, when the cgroup is the top of its namespace and writable', () => {
  expect(cgroupOwner(container({}))).toBe(7)
  expect(cgroupOwner(container({ process: { cwd: '/' } }))).toBe(0)
})

test.each<[string, Partial<Config>]>([
  ['without a cgroup namespace', { linux: { namespaces: [{ type: 'pid' }] } }],
  ['in a joined one', { linux: { namespaces: [{ type: 'cgroup', path: '/proc/1/ns/cgroup' }] } }],
  ['without a mount', { mounts: [] }],
  ['with a read-only mount', { mounts: [{ destination: '/sys/fs/cgroup', source: 'cgroup', options: ['ro'] }] }],
  ['mounted elsewhere', { mounts: [{ destination: '/cgroup', source: 'cgroup' }] }],
])('cgroupOwner() stays who it is %s', (_, change) => {
  expect(cgroupOwner(container(change))).toBeUndefined()
})
