import { expect, test } from 'vitest'
import { planDevices } from './devices.ts'

const root = { devIsHost: false, canMknod: true }

test('planDevices() makes the default devices and links', () => {
  const steps = planDevices(undefined, root)
  expect(steps.map(step => step.path.slice('/dev/'.length))).toEqual(
    'null zero full random urandom tty fd stdin stdout stderr ptmx'.split(' '),
  )
  expect(steps[0]).toEqual({
    op: 'mknod',
    path: '/dev/null',
    type: 'char',
    major: 1,
    minor: 3,
    mode: 0o666,
    uid: 0,
    gid: 0,
  })
  expect(steps.at(-1)).toEqual({ op: 'symlink', path: '/dev/ptmx', target: 'pts/ptmx' })
})

test('planDevices() lets the list define a default device or link anew', () => {
  const steps = planDevices(
    [
      { path: '/dev/null', type: 'c', major: 1, minor: 3, fileMode: 0o600, uid: 7, gid: 8 },
      { path: '/dev//ptmx', type: 'c', major: 5, minor: 2 },
    ],
    root,
  )
  expect(steps.filter(step => step.path === '/dev/null')).toMatchObject([{ mode: 0o600, uid: 7, gid: 8 }])
  expect(steps.filter(step => step.path === '/dev/ptmx')).toMatchObject([{ op: 'mknod', major: 5, minor: 2 }])
  expect(steps).toHaveLength(11)
})

test('planDevices() binds the nodes of the host where mknod is not allowed, but makes a fifo', () => {
  const steps = planDevices([{ path: '/run/pipe', type: 'p', fileMode: 0o640 }], { ...root, canMknod: false })
  expect(steps[0]).toEqual({
    op: 'bind',
    path: '/dev/null',
    source: '/dev/null',
    type: 'char',
    major: 1,
    minor: 3,
  })
  const [asked] = planDevices([{ path: '/dev/null', type: 'c', major: 1, minor: 3 }], {
    ...root,
    canMknod: false,
  }).filter(step => step.path === '/dev/null')
  expect(asked).toMatchObject({ op: 'bind' })
  expect(steps.filter(step => step.op === 'mknod')).toMatchObject([{ path: '/run/pipe', type: 'fifo', mode: 0o640 }])
})

test('of a fileMode only the bits of rights count, as with crun and runc', () => {
  const steps = planDevices([{ path: '/dev/mine', type: 'c', major: 1, minor: 3, fileMode: 0o4755 }], root)
  expect(steps.find(({ path }) => path === '/dev/mine')).toMatchObject({ op: 'mknod', mode: 0o755 })
})

test('planDevices() makes nothing in a /dev of the host, but still checks', () => {
  expect(planDevices([{ path: '/dev/x', type: 'b', major: 7, minor: 0 }], { ...root, devIsHost: true })).toEqual([])
  expect(() => planDevices([{ path: '/dev/x', type: 'x' }], { ...root, devIsHost: true })).toThrow('/type')
})

test('planDevices() links core to kcore when the host has it', () => {
  expect(planDevices([], { ...root, hasKcore: true })).toContainEqual({
    op: 'symlink',
    path: '/dev/core',
    target: '/proc/kcore',
  })
})

test('planDevices() refuses what can not be a device', () => {
  expect(() => planDevices([{ path: '/dev/x', type: 'd', major: 1, minor: 1 }], root)).toThrow('/linux/devices/0/type')
  expect(() => planDevices([{ path: '/..', type: 'p' }], root)).toThrow('/linux/devices/0/path')
})

test('planDevices() lets the first of two devices count', () => {
  const fuse = { path: '/dev/fuse', type: 'c', major: 10, minor: 229 }
  expect(planDevices([fuse, fuse], root).filter(step => step.path === '/dev/fuse')).toHaveLength(1)
  const [kept] = planDevices([fuse, { ...fuse, minor: 200 }], root).filter(step => step.path === '/dev/fuse')
  expect(kept).toMatchObject({ minor: 229 })
})

test('planDevices() takes a missing number for 0, and a relative path from the root', () => {
  const [step] = planDevices([{ path: 'dev/x', type: 'c', major: 1 }], root).filter(({ path }) => path === '/dev/x')
  expect(step).toMatchObject({ op: 'mknod', major: 1, minor: 0 })
})

test('planDevices() has devices of a user namespace made for it, the default ones, too', () => {
  const context = { ...root, canMknod: false, hostCanMknod: true }
  const mine = { path: '/dev/mine', type: 'c', major: 1, minor: 3, fileMode: 0o600, uid: 5 }
  const steps = planDevices([mine], context).filter(step => step.op === 'bind')
  expect(steps.find(({ path }) => path === '/dev/mine')).toMatchObject({ made: { mode: 0o600, uid: 5, gid: 0 } })
  expect(steps.find(({ path }) => path === '/dev/null')).toMatchObject({ made: { mode: 0o666, uid: 0, gid: 0 } })
})
