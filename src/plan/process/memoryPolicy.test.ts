import { expect, test } from 'vitest'
import { planMemoryPolicy } from './memoryPolicy.ts'

test('mode and flags are one number, nodes are a mask', () => {
  expect(
    planMemoryPolicy({ mode: 'MPOL_BIND', nodes: '0,2', flags: ['MPOL_F_STATIC_NODES', 'MPOL_F_NUMA_BALANCING'] }),
  ).toEqual({ name: 'MPOL_BIND', mode: 0xa002, nodes: Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0) })
})

test.each([undefined, ''])('nodes %j are none', nodes => {
  const plan = planMemoryPolicy({ mode: 'MPOL_LOCAL', ...(nodes !== undefined && { nodes }) })
  expect(plan).toEqual({ name: 'MPOL_LOCAL', mode: 4, nodes: undefined })
})

test('a list that is none is an error at its place', () => {
  expect(() => planMemoryPolicy({ mode: 'MPOL_BIND', nodes: 'all' })).toThrow('/linux/memoryPolicy/nodes: must be')
})
