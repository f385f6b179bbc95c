import { expect, test } from 'vitest'
import { readRecord } from './readRecord.ts'
import { RECORD_VERSION } from './record.ts'

const record = {
  version: RECORD_VERSION,
  id: 'web',
  ociVersion: '1.3.0',
  bundle: '/bundle',
  rootfs: '/bundle/rootfs',
  created: '2026-01-01T00:00:00.000Z',
  uid: 0,
  pid: 4242,
  startTime: '77',
  cgroup: '/sys/fs/cgroup/tsrun-web',
  cgroupId: '4711',
  resctrl: ['/sys/fs/resctrl/web'],
  unit: 'tsrun-web.scope',
  exitCode: 0,
  resources: '{"pids":{"limit":12345678901234567890}}',
  mounts: [{ destination: '/data', mountId: '12', entry: { destination: '/data' } }],
  unmounted: ['/tmp'],
  annotations: { a: 'b' },
}

const read = (value: unknown) => readRecord(JSON.stringify(value), 'web')

test('a record of this version, one of before there were versions, and one with fields that are not known here', () => {
  expect(read(record)).toEqual({ kind: 'record', record })
  const { version: _, ...older } = record
  expect(read(older)).toEqual({ kind: 'record', record: older })
  expect(read({ ...record, later: [1] })).toMatchObject({ kind: 'record' })
})

test.each([
  ['no JSON', ''],
  ['no JSON', '{'],
  ['no JSON object', 'null'],
  ['no JSON object', '[]'],
  ['no JSON object', '"web"'],
  ['no JSON object', '1e999'],
  ['`id` is missing', '{}'],
  ['`ociVersion` is missing', '{"id":"web"}'],
  ['`id` is missing', '{"__proto__":{"id":"web"}}'],
])('%s: %s', (why, text) => {
  expect(readRecord(text, 'web')).toMatchObject({ kind: 'damaged', why: expect.stringContaining(why) })
})

test.each<[string, unknown[]]>([
  ['pid', [1, 0, -1, '4242', 2 ** 31, 4242.5, null, true, [4242], 2 ** 22 + 1]],
  ['startTime', [77, '', '-1', '7 7', null]],
  ['uid', [-1, 2 ** 32, '0']],
  ['created', ['', 'yesterday', 0]],
  ['bundle', ['', 'bundle', 7, '/a\0b']],
  ['rootfs', ['rootfs', {}]],
  ['cgroup', ['/', '', '..', '/sys/fs/cgroup/../../etc', '/sys/fs/cgroup/', '/sys/./fs', '//sys', 'sys/fs', 0, null]],
  ['cgroupId', [4711, '0x1']],
  ['resctrl', ['/a', [1], ['..'], ['/']]],
  ['unit', ['ssh.service', '', '.scope', 'a/b.scope', 'user.slice', 1]],
  ['sharedPidNamespace', ['true', 1]],
  ['keyring', [7, null]],
  ['exitCode', [-1, 256, '0']],
  ['resources', ['{', {}]],
  ['mounts', [{}, [1], [{ destination: 'data', mountId: '12', entry: {} }], [{ destination: '/d', mountId: '12' }]]],
  ['unmounted', ['/tmp', [1]]],
  ['annotations', [[], { a: 1 }]],
  ['version', [0, -1, '1', 1.5, null]],
])('a wrong %s is damage, and the other fields are still told', (field, values) => {
  for (const value of values) {
    const reading = read({ ...record, [field]: value })
    expect(reading).toMatchObject({ kind: 'damaged', why: expect.stringContaining(`\`${field}\` is not`) })
    const { [field as keyof typeof record]: _, ...others } = record
    expect(reading).toMatchObject({ rest: others })
    expect(reading).not.toHaveProperty(`rest.${field}`)
  }
})

test('a newer version is no damage', () => {
  const reading = read({ ...record, version: RECORD_VERSION + 1, pid: { first: 4242 } })
  expect(reading).toMatchObject({ kind: 'newer', why: `it is of version ${RECORD_VERSION + 1}` })
  expect(reading).toHaveProperty('rest.cgroup', record.cgroup)
  expect(reading).not.toHaveProperty('rest.pid')
})

test('the record of another container says nothing about this one', () => {
  expect(read({ ...record, id: 'other' })).toMatchObject({ kind: 'damaged', rest: {} })
})
