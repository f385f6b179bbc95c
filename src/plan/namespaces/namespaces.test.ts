import { expect, test } from 'vitest'
import { CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID } from '../../../native/abi/sched.ts'
import { cloneFlags, isOwn, NAMESPACES, planNamespaces } from './namespaces.ts'

test('planNamespaces() makes those without a path and enters those with one', () => {
  const plan = planNamespaces({ namespaces: [{ type: 'pid' }, { type: 'network', path: '/run/netns/a' }] })
  expect([...plan.create]).toEqual(['pid'])
  expect(plan.join).toEqual([{ type: 'network', flag: CLONE_NEWNET, path: '/run/netns/a' }])
})

test('planNamespaces() enters the user namespace first and the mount namespace last, whatever the order given', () => {
  const types = ['mount', 'time', 'pid', 'network', 'uts', 'ipc', 'cgroup', 'user'] as const
  const { join } = planNamespaces({ namespaces: types.map(type => ({ type, path: `/ns/${type}` })) })
  const order = join.map(({ type }) => type)
  expect([order[0], order.at(-1)]).toEqual(['user', 'mount'])
  expect(order.toSorted()).toEqual([...types].sort())
})

test('planNamespaces() leaves the types that are not named to the host', () => {
  const plan = planNamespaces({})
  expect([plan.create.size, plan.join, plan.uidMappings, plan.timeOffsets]).toEqual([0, [], [], undefined])
  expect(isOwn(plan, 'mount')).toBe(false)
})

test('isOwn() does not ask whether a namespace is new or entered', () => {
  const plan = planNamespaces({ namespaces: [{ type: 'pid' }, { type: 'ipc', path: '/ns/ipc' }] })
  expect([isOwn(plan, 'pid'), isOwn(plan, 'ipc'), isOwn(plan, 'uts')]).toEqual([true, true, false])
})

test('planNamespaces() writes the offsets of clocks as the kernel reads them', () => {
  const { timeOffsets } = planNamespaces({
    timeOffsets: { monotonic: { secs: 172800, nanosecs: 5 }, boottime: { secs: -1 } },
  })
  expect(timeOffsets).toBe('monotonic 172800 5\nboottime -1 0\n')
})

test('cloneFlags() unites the flags, also the one that makes a 32-bit number negative', () => {
  expect(cloneFlags(['pid', 'mount'])).toBe(BigInt(CLONE_NEWPID | CLONE_NEWNS))
  const all = cloneFlags(NAMESPACES.map(({ type }) => type))
  expect(all).toBeGreaterThan(0n)
  expect(all.toString(2).replaceAll('0', '').length).toBe(NAMESPACES.length)
})
