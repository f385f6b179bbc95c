import { expect, test } from 'vitest'
import { EACCES, EBUSY, EOPNOTSUPP } from '../../native/abi/errno.ts'
import { S_IFREG } from '../../native/abi/stat.ts'
import { createKernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { Errno } from '../../testing/scripted/errno.ts'
import { FileNode } from '../../testing/scripted/nodes.ts'
import { createScriptedHost, directoryAt } from '../../testing/scripted.ts'
import { handOnEverything, requireControllers } from './controllers.ts'

const MOUNT = '/sys/fs/cgroup'
const MEMORY = { controller: 'memory', pointer: '/linux/resources/memory/limit' }
const PIDS = { controller: 'pids', pointer: '/linux/resources/pids/limit' }

interface Group {
  has?: string
  enabled?: string
  procs?: string
  type?: string
  refuses?: number
}

/** A host with these cgroups, by path below the mount point, and a log of what was written to them. */
function tree(groups: Record<string, Group>, files: Record<string, string> = {}) {
  const host = createScriptedHost()
  const { root } = host.world
  const log: string[] = []
  const put = (path: string, text: string, write?: (text: string) => void) => {
    const slash = path.lastIndexOf('/')
    const directory = directoryAt(root, path.slice(0, slash))
    directory.children.delete(path.slice(slash + 1))
    directory.add(path.slice(slash + 1), new FileNode(S_IFREG, 0o644, { read: () => text, ...(write && { write }) }))
  }
  for (const [path, { has = '', enabled = '', procs = '', type = 'domain', refuses }] of Object.entries(groups)) {
    put(`${MOUNT}${path}/cgroup.controllers`, `${has}\n`)
    put(`${MOUNT}${path}/cgroup.procs`, procs)
    put(`${MOUNT}${path}/cgroup.type`, `${type}\n`)
    put(`${MOUNT}${path}/cgroup.subtree_control`, `${enabled}\n`, text => {
      if (refuses !== undefined) throw new Errno(refuses)
      log.push(`${path} ${text}`)
    })
  }
  for (const [path, text] of Object.entries(files)) put(path, text)
  const outside = createKernel(new DirectCalls(host))
  const require = (path: string, rootless = false) =>
    requireControllers(outside, { mount: MOUNT, rootless }, `${MOUNT}${path}`, [MEMORY, PIDS])
  return { host, outside, log, require }
}

test('what is enabled already is left alone, and nobody looks further up', () => {
  const { host, log, require } = tree({ '/a': { enabled: 'cpu memory pids' } })
  require('/a')
  expect(log).toEqual([])
  expect(host.world.log.filter(({ name }) => name === 'openat').length).toBe(1)
  expect(host.descriptors()).toEqual([])
})

test('without needs no call is made', () => {
  const { host, outside } = tree({})
  const before = host.world.log.length
  requireControllers(outside, { mount: MOUNT, rootless: false }, `${MOUNT}/a`, [])
  expect(host.world.log.length).toBe(before)
})

test('controllers are enabled from the top down, only those that are missing', () => {
  const { log, require } = tree({
    '': { has: 'cpu memory pids', enabled: 'pids' },
    '/a': { enabled: 'cpu' },
    '/a/b': {},
  })
  require('/a/b')
  expect(log).toEqual([' +memory', '/a +memory +pids', '/a/b +memory +pids'])
})

test('a new directory hands on everything that it has, and nothing when it has nothing', () => {
  const { outside, log } = tree({ '/new': { has: 'cpu memory' }, '/bare': {} })
  handOnEverything(outside, `${MOUNT}/new`)
  handOnEverything(outside, `${MOUNT}/bare`)
  expect(log).toEqual(['/new +cpu +memory'])
})

test('a new directory that hands on nothing is no error by itself', () => {
  const { outside } = tree({ '/new': { has: 'cpu', refuses: EBUSY } })
  expect(() => handOnEverything(outside, `${MOUNT}/new`)).not.toThrow()
})

const all = { has: 'memory pids', enabled: 'memory pids' }

test.each<[string, Group, boolean, string]>([
  [
    'a cgroup that holds processes',
    { refuses: EBUSY, procs: '1\n22\n333\n4444\n' },
    false,
    'cgroup `/sys/fs/cgroup/a` can not hand on the controllers `memory`, `pids`: it holds processes itself (1, 22, 333 and 1 more); move them into a cgroup below it or choose another linux.cgroupsPath',
  ],
  [
    'a threaded cgroup',
    { refuses: EOPNOTSUPP, type: 'domain threaded' },
    false,
    'it is of type `domain threaded`, which takes only cpu, cpuset, perf_event and pids',
  ],
  [
    'a cgroup of others',
    { refuses: EACCES },
    true,
    'is not ours to write; have the controllers delegated to this user',
  ],
])('%s can not hand on, and the sentence says why', (_, group, rootless, words) => {
  const { require } = tree({ '': all, '/a': group })
  expect(() => require('/a', rootless)).toThrow(words)
  expect(() => require('/a', rootless)).toThrow(/^\/linux\/resources\/memory\/limit: /)
})

const CGROUPS = '#subsys_name\thierarchy\tnum_cgroups\tenabled\n'

test.each<[string, string, string, boolean, string]>([
  [
    'bound to version 1',
    '9:memory:/x\n0::/\n',
    '',
    false,
    'this host uses it with version 1, where tsrun sets no limits; boot with `cgroup_no_v1=memory` or remove the limit',
  ],
  ['disabled', '0::/\n', 'memory\t0\t1\t0\n', false, 'it is disabled on the command line of the kernel'],
  ['not delegated', '0::/\n', 'memory\t0\t1\t1\n', true, 'it is not delegated to this user'],
  ['unknown', '0::/\n', '', false, 'this kernel does not have it'],
])('a controller that is %s is named', (_, own, table, rootless, words) => {
  const files = { '/proc/cgroups': `${CGROUPS}${table}`, '/proc/self/cgroup': own }
  const { require } = tree({ '': { has: 'pids' }, '/a': {} }, files)
  expect(() => require('/a', rootless)).toThrow(
    `/linux/resources/memory/limit: the controller \`memory\` is not available under cgroup version 2 at \`/sys/fs/cgroup\` (it has pids): ${words}`,
  )
})
