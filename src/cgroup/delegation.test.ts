import { expect, test } from 'vitest'
import { EACCES } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../native/abi/fcntl.ts'
import { createKernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { createScriptedHost, directoryAt, fileAt } from '../../testing/scripted.ts'
import { delegatedCgroup, giveCgroupAway } from './delegation.ts'

const MOUNT = '/sys/fs/cgroup'
const USER = '/user.slice/user@1000.service'

/** A host whose user is in the cgroup `own` and may not write where `foreign` says. */
function user(own: string, foreign: number) {
  const host = createScriptedHost()
  const { root } = host.world
  fileAt(root, '/proc/self/cgroup', `2:cpu:/other\n0::${own}\n`)
  for (const path of ['/user.slice', USER, `${USER}/app.slice`]) fileAt(root, `${MOUNT}${path}/cgroup.procs`)
  const outside = createKernel(new DirectCalls(host))
  const first = host.world.log.length + 4 // open, read twice and close /proc/self/cgroup
  for (let n = 1; n <= foreign; n++) host.failAt(first + n, EACCES)
  return delegatedCgroup(outside, MOUNT)
}

test('delegatedCgroup() is the highest that is ours', () => {
  expect(user(`${USER}/app.slice`, 0)).toBe('')
  expect(user(`${USER}/app.slice`, 2)).toBe(USER)
  expect(user(`${USER}/app.slice`, 4)).toBeUndefined()
})

/** The owners of a cgroup's files after it was given to user 7 of a container that maps ids from 100000 on. */
function owners(map: string, delegate?: string): Record<string, number> {
  const host = createScriptedHost()
  const { root } = host.world
  const files = ['cgroup.procs', 'cgroup.threads', 'memory.max', 'memory.oom.group']
  for (const file of files) fileAt(root, `/cg/web/${file}`)
  fileAt(root, '/proc/9/uid_map', map)
  if (delegate !== undefined) fileAt(root, '/sys/kernel/cgroup/delegate', delegate)
  const outside = createKernel(new DirectCalls(host))
  const parent = outside.openat(AT_FDCWD, '/cg', O_PATH | O_DIRECTORY)
  giveCgroupAway(outside, { parent, name: 'web', exists: false }, 9, 7, false)
  const directory = directoryAt(root, '/cg/web')
  return { web: directory.uid, ...Object.fromEntries(files.map(file => [file, directory.children.get(file)!.uid])) }
}

const MAP = '         0     100000      65536\n'

test('giveCgroupAway() gives what the kernel lists, as far as it is there', () => {
  expect(owners(MAP, 'cgroup.procs\ncgroup.subtree_control\nmemory.oom.group\n')).toEqual({
    web: 100007,
    'cgroup.procs': 100007,
    'cgroup.threads': 0,
    'memory.oom.group': 100007,
    'memory.max': 0,
  })
})

test('giveCgroupAway() knows the files itself where the kernel has no list', () => {
  expect(owners(MAP)).toMatchObject({ web: 100007, 'cgroup.threads': 100007, 'memory.max': 0 })
})

test('giveCgroupAway() changes nothing for a user that is not mapped', () => {
  expect(owners('0 100000 1\n')).toMatchObject({ web: 0, 'cgroup.procs': 0 })
})
