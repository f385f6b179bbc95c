import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type DocumentPlace, dropAbsent, MAY_BE_EMPTY } from './absent.ts'

function dropped(data: unknown, place: DocumentPlace = ''): unknown {
  const text = JSON.stringify(data)
  const copy = JSON.parse(text)
  dropAbsent(text, copy, place)
  return copy
}

test('null is as if it were not there, at any depth and under any name', () => {
  const given = {
    a: null,
    process: { rlimits: null, user: { umask: null, uid: 0 } },
    mounts: [{ destination: '/a', options: null }],
    linux: { sysctl: { 'kernel.domainname': null }, netDevices: { eth0: { name: null } } },
    annotations: { kept: 'null', 'b\\"null': 'x' },
  }
  expect(dropped(given)).toEqual({
    process: { user: { uid: 0 } },
    mounts: [{ destination: '/a' }],
    linux: { sysctl: {}, netDevices: { eth0: {} } },
    annotations: { kept: 'null', 'b\\"null': 'x' },
  })
})

test.each(['{"a":null}', '{"a" :\tnull}', '{"a":\r\nnull }'])('null is found in %j', text => {
  const data = JSON.parse(text)
  dropAbsent(text, data, '')
  expect(data).toEqual({})
})

test('null as an entry of a list stays, for a validator to refuse', () => {
  expect(dropped({ process: { args: ['a', null] } })).toEqual({ process: { args: ['a', null] } })
})

test('null is 0 where both crun and runc read it so, told', () => {
  const text = '{"process":{"user":{"additionalGids":[null,7,null]}}}'
  const data = JSON.parse(text)
  expect(dropAbsent(text, data, '')).toEqual([
    { pointer: '/process/user/additionalGids/0', reason: 'is null and read as 0' },
    { pointer: '/process/user/additionalGids/2', reason: 'is null and read as 0' },
  ])
  expect(data).toEqual({ process: { user: { additionalGids: [0, 7, 0] } } })
  expect(dropped({ user: { additionalGids: [null] } }, 'process')).toEqual({ user: { additionalGids: [0] } })
  expect(dropped({ user: null, process: null })).toEqual({})
})

test('null is no entry where both crun and runc have none', () => {
  const hook = { path: '/bin/true', args: ['a', null], env: [null] }
  const resources = { blockIO: { weightDevice: [null] }, network: { priorities: [null] }, hugepageLimits: [null] }
  expect(dropped({ hooks: { prestart: [hook, null] }, linux: { resources } })).toEqual({
    hooks: { prestart: [{ path: '/bin/true', args: ['a'], env: [] }, null] },
    linux: { resources: { blockIO: { weightDevice: [] }, network: { priorities: [] }, hugepageLimits: [null] } },
  })
  expect(dropped(resources, 'linux/resources')).toMatchObject({ network: { priorities: [] } })
})

test('empty words that may be left out are left out, and no others', () => {
  const given = {
    hostname: '',
    process: { args: [''], cwd: '', apparmorProfile: '' },
    mounts: [{ destination: '', type: '', source: '', options: [''] }],
    linux: { namespaces: [{ type: '', path: '' }], rootfsPropagation: '', resources: { devices: [{ access: '' }] } },
  }
  expect(dropped(given)).toEqual({
    process: { args: [''], cwd: '' },
    mounts: [{ destination: '', options: [''] }],
    linux: { namespaces: [{ type: '' }], resources: { devices: [{ access: '' }] } },
  })
})

test('a process and resources alone are read in the same way', () => {
  expect(dropped({ selinuxLabel: '', cwd: '/' }, 'process')).toEqual({ cwd: '/' })
  expect(dropped({ cpu: { cpus: '', mems: '0' }, pids: null }, 'linux/resources')).toEqual({ cpu: { mems: '0' } })
})

/** Every other string of config.json, and what it is when it is empty. */
const MEANS_SOMETHING: Readonly<Record<string, string>> = {
  ociVersion: 'some version 1, told as odd',
  'root/path': 'refused: the bundle itself would be the root',
  'process/args/*': 'an empty argument',
  'process/env/*': 'refused: no variable',
  'process/cwd': 'refused, as in runc and crun',
  'process/capabilities/*/*': 'an unknown capability, told and left out',
  'process/rlimits/*/type': 'refused, as in runc and crun',
  'process/scheduler/policy': 'refused, as in runc and crun',
  'process/scheduler/flags/*': 'refused, as in runc and crun',
  'process/ioPriority/class': 'refused, as in runc and crun',
  'mounts/*/destination': 'refused, as in runc and crun',
  'mounts/*/options/*': 'no option, as for mount(2)',
  'hooks/*/*/path': 'refused, as in runc and crun',
  'hooks/*/*/args/*': 'an empty argument',
  'hooks/*/*/env/*': 'handed on',
  'annotations/*': 'an empty value',
  'linux/namespaces/*/type': 'refused, as in runc and crun',
  'linux/devices/*/type': 'refused, as in runc',
  'linux/devices/*/path': 'refused: the root',
  'linux/sysctl/*': 'written',
  'linux/maskedPaths/*': 'names nothing, told as odd',
  'linux/readonlyPaths/*': 'names nothing, told as odd',
  'linux/resources/devices/*/access': 'no access, so a rule that says nothing',
  'linux/resources/hugepageLimits/*/pageSize': 'refused, as in runc and crun',
  'linux/resources/network/priorities/*/name': 'version 1 only',
  'linux/resources/unified/*': 'written',
  'linux/seccomp/defaultAction': 'refused, as in crun: a filter that nobody chose protects nobody',
  'linux/seccomp/architectures/*': 'refused, as in runc and crun',
  'linux/seccomp/flags/*': 'refused, as in runc and crun',
  'linux/seccomp/syscalls/*/names/*': 'an unknown call, passed over',
  'linux/seccomp/syscalls/*/action': 'refused, as in runc and crun',
  'linux/seccomp/syscalls/*/args/*/op': 'refused, as in runc and crun',
  'linux/intelRdt/schemata/*': 'an empty line',
  'linux/memoryPolicy/mode': 'refused, as in crun',
  'linux/memoryPolicy/flags/*': 'refused, as in crun',
  'linux/personality/domain': 'refused, as in runc and crun',
  'linux/personality/flags/*': 'ignored, told as odd',
}

interface Schema {
  type?: string
  $ref?: string
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema | boolean
  definitions?: Record<string, Schema>
}

function strings(
  root: Schema,
  { $ref, type, properties, items, additionalProperties }: Schema,
  path: string,
): string[] {
  if ($ref !== undefined) return strings(root, root.definitions![$ref.split('/').at(-1)!]!, path)
  if (type === 'string') return [path]
  const below = (name: string) => (path === '' ? name : `${path}/${name}`)
  return [
    ...Object.entries(properties ?? {}).flatMap(([name, schema]) => strings(root, schema, below(name))),
    ...(items ? strings(root, items, below('*')) : []),
    ...(typeof additionalProperties === 'object' ? strings(root, additionalProperties, below('*')) : []),
  ]
}

test('what an empty string is has been decided for every string of config.json', () => {
  const schema = JSON.parse(readFileSync(new URL('../../spec/config.schema.json', import.meta.url), 'utf8')) as Schema
  const all = new Set(
    strings(schema, schema, '').map(path => path.replace(/^(hooks|process\/capabilities)\/\w+/, '$1/*')),
  )
  expect([...MAY_BE_EMPTY, ...Object.keys(MEANS_SOMETHING)].sort()).toEqual([...all].sort())
})
