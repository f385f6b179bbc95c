import { expect, test } from 'vitest'
import { BPF_PROG_QUERY } from '../../native/abi/bpf.ts'
import { createKernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { createScriptedHost, directoryAt } from '../../testing/scripted.ts'
import { hasDeviceFilter } from './deviceFilterUpdate.ts'

/** offsetofend(union bpf_attr, query.revision), which kernels from 6.17 on wrote whatever the size. */
const QUERY_SIZE = 64

test('what BPF_PROG_QUERY writes has room in its attributes', () => {
  const host = createScriptedHost()
  directoryAt(host.world.root, '/cg')
  expect(hasDeviceFilter(createKernel(new DirectCalls(host)), '/cg')).toBe(false)
  const sizes = host.world.log.filter(({ name, args }) => name === 'bpf' && args[0] === BPF_PROG_QUERY)
  expect(sizes.map(({ args }) => args[2])).toEqual([QUERY_SIZE])
})
