import { expect, test } from 'vitest'
import { createKernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { createScriptedHost, directoryAt, fileAt } from '../../testing/scripted.ts'
import { readCgroupStats } from './stats.ts'

function stats(files: Record<string, string>) {
  const host = createScriptedHost()
  directoryAt(host.world.root, '/cg')
  for (const [name, text] of Object.entries(files)) fileAt(host.world.root, `/cg/${name}`, text)
  const read = readCgroupStats(createKernel(new DirectCalls(host)), '/cg')
  expect(host.descriptors()).toEqual([])
  return read
}

test('readCgroupStats() gives what is there', () => {
  expect(
    stats({
      'cpu.stat': 'usage_usec 5\n',
      'memory.current': '4096\n',
      'memory.max': 'max\n',
      'memory.swap.current': '0\n',
      'memory.swap.max': '100\n',
      'memory.stat': 'anon 1\n',
      'memory.events': 'oom_kill 2\n',
      'pids.current': '1\n',
      'pids.max': '7\n',
      'pids.events': 'max 3\n',
      'io.stat': '8:0 rbytes=1\n',
      'hugetlb.2MB.current': '0\n',
      'hugetlb.2MB.max': 'max\n',
      'hugetlb.2MB.events': 'max 1\n',
      'hugetlb.2MB.rsvd.current': '0\n',
      'hugetlb.2MB.rsvd.max': '2097152\n',
      'rdma.current': 'mlx hca_handle=1 hca_object=0\n',
      'rdma.max': 'mlx hca_handle=max hca_object=3\n',
      'cpuset.cpus.effective': '0-1\n',
      'cpuset.mems.effective': '0\n',
      'cpu.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=9\n',
    }),
  ).toEqual({
    cpu: { stat: { usage_usec: 5 } },
    pressure: { cpu: { some: { avg10: 0, avg60: 0, avg300: 0, total: 9 } } },
    cpuset: { cpus: '0-1', mems: '0' },
    memory: {
      current: 4096,
      limit: 'max',
      swap: { current: 0, limit: 100 },
      stat: { anon: 1 },
      events: { oom_kill: 2 },
    },
    pids: { current: 1, limit: 7, events: { max: 3 } },
    io: { devices: [{ major: 8, minor: 0, counters: { rbytes: 1 } }] },
    hugetlb: { '2MB': { current: 0, limit: 'max', failures: 1, reserved: { current: 0, limit: 2097152 } } },
    rdma: { mlx: { current: { hca_handle: 1, hca_object: 0 }, limit: { hca_handle: 'max', hca_object: 3 } } },
  })
})

test('readCgroupStats() leaves out what no controller tells', () => {
  expect(stats({ 'cpu.stat': 'usage_usec 0\n' })).toEqual({ cpu: { stat: { usage_usec: 0 } } })
})
