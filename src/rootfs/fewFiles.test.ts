import { expect, test } from 'vitest'
import type { ContainerPlan } from '../plan/container.ts'
import type { BindStep } from '../plan/mounts/mounts.ts'
import { filesForMounts, lastAtTheirPlaces, sourcesInTurn } from './fewFiles.ts'

const bind = (destination: string, source = '/srv', more: object = {}) =>
  ({ op: 'bind', destination, source, ...more }) as unknown as BindStep

/** A plan with these mounts, in a mount namespace of its own. */
const planOf = (mounts: readonly object[], more: object = {}) =>
  ({
    ...{ rootfs: '/bundle/rootfs', mounts, devices: [], maskedPaths: [], readonlyPaths: [] },
    namespaces: { create: new Set(['mount']), join: [] },
    ...more,
  }) as unknown as ContainerPlan

test('a bind needs a file, whatever else is mounted three, and one is needed by a directory in which there are mounts', () => {
  const tmpfs = { op: 'filesystem', destination: '/a/tmp' }
  expect(filesForMounts(planOf([bind('/a/1'), bind('/a/2'), tmpfs]))).toBe(2 + 3 + 1)
})

test('sources above the root file system are not left to the first process, which has the container’s mounts there', () => {
  const steps = [bind('/a'), bind('/b', '/'), bind('/c', '/bundle'), bind('/d', '/bundle/rootfs'), bind('/e', '/bun')]
  expect(sourcesInTurn(planOf(steps)).map(({ destination }) => destination)).toEqual(['/a', '/e'])
})

test.each([
  ['a user namespace', { namespaces: { create: new Set(['mount', 'user']), join: [] } }],
  ['the mounts of the host', { namespaces: { create: new Set(), join: [] } }],
  ['joined mounts', { namespaces: { create: new Set(), join: [{ type: 'mount', path: '/x' }] } }],
  ['a root that shares its mounts', { rootfsPropagation: 'shared' }],
])('with %s none are', (_, more) => {
  expect(sourcesInTurn(planOf([bind('/a')], more))).toEqual([])
})

test.each([
  ['something is mounted there again', [bind('/a'), bind('/a')], {}, false],
  ['something is mounted below', [bind('/a'), bind('/a/b/c')], {}, false],
  ['nothing is', [bind('/a'), bind('/ab')], {}, true],
  ['a path below is masked', [bind('/a')], { maskedPaths: ['/a/b'] }, false],
  ['it is made read-only', [bind('/a')], { readonlyPaths: ['/a'] }, false],
  ['a device is below', [bind('/a')], { devices: [{ path: '/a/null' }] }, false],
])('its place is looked at once more when %s', (_, mounts, more, isLast) => {
  expect(lastAtTheirPlaces(planOf(mounts, more))(mounts[0]!)).toBe(isLast)
})

test('/proc and /sys are looked at always', () => {
  const mounts = [bind('/proc'), bind('/sys')]
  expect(mounts.map(lastAtTheirPlaces(planOf(mounts)))).toEqual([false, false])
})
