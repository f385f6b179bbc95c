import { expect, test } from 'vitest'
import { EINVAL, ENODEV, ENOENT } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../native/abi/fcntl.ts'
import { S_IFREG } from '../../native/abi/stat.ts'
import { createKernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import type { Resources } from '../../spec/generated/config.ts'
import { Errno } from '../../testing/scripted/errno.ts'
import { FileNode } from '../../testing/scripted/nodes.ts'
import { createScriptedHost, directoryAt } from '../../testing/scripted.ts'
import { planResources } from '../plan/resources/resources.ts'
import { writeLimits } from './limits.ts'

/** A cgroup with these files; a number is the errno of every write. */
function cgroup(files: Record<string, string | number>) {
  const host = createScriptedHost()
  const outside = createKernel(new DirectCalls(host))
  const directory = directoryAt(host.world.root, '/cg/web')
  const log: string[] = []
  for (const [name, content] of Object.entries(files)) {
    const write = (text: string) => {
      if (typeof content === 'number') throw new Errno(content)
      log.push(`${name}=${text}`)
    }
    directory.add(name, new FileNode(S_IFREG, 0o644, { read: () => `${content}\n`, write }))
  }
  const parent = outside.openat(AT_FDCWD, '/cg', O_PATH | O_DIRECTORY)
  const apply = (resources: Resources, exists = false) =>
    writeLimits(outside, { parent, name: 'web', exists }, planResources(resources))
  return { host, log, apply }
}

test('nothing asked, no call made', () => {
  const { host, apply } = cgroup({})
  const before = host.world.log.length
  apply({ memory: { limit: -1 }, pids: { limit: -1 }, cpu: { shares: 0 } })
  expect(host.world.log.length).toBe(before)
})

test('one open, write and close for each file, from the descriptor of the directory above', () => {
  const { host, log, apply } = cgroup({ 'memory.max': 'max', 'io.max': '' })
  const before = host.world.log.length
  const rates = [1, 2].map(minor => ({ major: 8, minor, rate: 9 }))
  apply({ memory: { limit: 4096 }, blockIO: { throttleReadBpsDevice: rates } })
  expect(log).toEqual(['memory.max=4096', 'io.max=8:1 rbps=9', 'io.max=8:2 rbps=9'])
  expect(host.world.log.slice(before).map(({ name }) => name)).toEqual([
    'openat',
    'write',
    'close',
    'openat',
    'write',
    'write',
    'close',
  ])
})

test('a cgroup that was there before is set back to what a new one has', () => {
  const { log, apply } = cgroup({ 'pids.max': '5', 'cpu.max': '1 2', 'cpu.max.burst': '1' })
  apply({ pids: { limit: -1 }, cpu: { quota: 2000, burst: 1000 } }, true)
  expect(log).toEqual(['cpu.max.burst=0', 'cpu.max=2000 100000', 'cpu.max.burst=1000', 'pids.max=max'])
})

test('what can be done without is left out where the kernel does not have it', () => {
  const { log, apply } = cgroup({ 'memory.max': 'max', 'hugetlb.2MB.max': 'max' })
  apply({ memory: { limit: 2, swap: 2 }, hugepageLimits: [{ pageSize: '2MB', limit: 1 }] })
  expect(log).toEqual(['memory.max=2', 'hugetlb.2MB.max=1'])
})

test('weights go to the scheduler bfq, or to the cost model on its own scale', () => {
  const bfq = cgroup({ 'io.bfq.weight': '', 'io.weight': '' })
  bfq.apply({ blockIO: { weight: 500 } })
  expect(bfq.log).toEqual(['io.bfq.weight=500'])
  const cost = cgroup({ 'io.weight': '' })
  cost.apply({ blockIO: { weight: 500, weightDevice: [{ major: 8, minor: 0, weight: 10 }] } })
  expect(cost.log).toEqual(['io.weight=4950', 'io.weight=8:0 1'])
})

test.each<[Resources, Record<string, string | number>, string]>([
  [
    { memory: { limit: 1, swap: 2 } },
    {},
    '/linux/resources/memory/swap: this kernel does not count swap (CONFIG_SWAP, swapaccount=1), so it can not limit it; remove memory.swap',
  ],
  [
    { hugepageLimits: [{ pageSize: '3MB', limit: 0 }] },
    { 'hugetlb.2MB.max': '', 'hugetlb.1GB.max': '', 'hugetlb.2MB.rsvd.max': '' },
    '/linux/resources/hugepageLimits/0: there is no `hugetlb.3MB.max`; this host has huge pages of 2MB, 1GB',
  ],
  [
    { blockIO: { weight: 10 } },
    {},
    '/linux/resources/blockIO/weight: the kernel has no `io.weight`: the weight of a disk needs the scheduler bfq or io.cost',
  ],
  [
    { unified: { 'memory.nonsense': '1' } },
    {},
    '/linux/resources/unified/memory.nonsense: the cgroup has no file `memory.nonsense`; this kernel or this controller does not know it',
  ],
  [
    { cpu: { cpus: '99' } },
    { 'cpuset.cpus': EINVAL },
    '/linux/resources/cpu/cpus: write `99` to `cpuset.cpus`: EINVAL (these are no processors of this host)',
  ],
  [
    { blockIO: { throttleWriteIOPSDevice: [{ major: 1, minor: 2, rate: 3 }] } },
    { 'io.max': ENODEV },
    '/linux/resources/blockIO/throttleWriteIOPSDevice/0: write `1:2 wiops=3` to `io.max`: ENODEV (there is no such block device)',
  ],
  [
    { unified: { 'cpuset.cpus': '' } },
    { 'cpuset.cpus': ENOENT },
    '/linux/resources/unified/cpuset.cpus: write `` to `cpuset.cpus`: ENOENT',
  ],
])('a file that is not there, or does not take the value: %j', (resources, files, message) => {
  const { apply } = cgroup(files)
  expect(() => apply(resources)).toThrow(message)
})

test('checkBeforeUpdate refuses a limit below what is in use, before anything is written', () => {
  const files = {
    'memory.current': '5000',
    'memory.swap.current': '700',
    'memory.max': 'max',
    'memory.swap.max': 'max',
  }
  const { log, apply } = cgroup(files)
  const memory = (limit: number, swap: number) => ({ memory: { checkBeforeUpdate: true, limit, swap } })
  expect(() => apply(memory(4999, 9000), true)).toThrow(
    '/linux/resources/memory/limit: 4999 bytes are less than the 5000 in use',
  )
  expect(() => apply(memory(6000, 6699), true)).toThrow(
    '/linux/resources/memory/swap: leaves 699 bytes of swap, and 700 are in use',
  )
  expect(log).toEqual([])
  apply(memory(5000, 5700), true)
  expect(log).toEqual(['memory.swap.max=700', 'memory.max=5000'])
})
