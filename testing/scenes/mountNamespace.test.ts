import { expect, test } from 'vitest'
import { CLONE_NEWNS } from '../../native/abi/sched.ts'
import { createContainer } from '../../src/container/create.ts'
import { startContainer } from '../../src/container/start.ts'
import { stepsFor } from '../../src/diagnose/plan.ts'
import type { LoggedCall } from '../scripted/call.ts'
import { ID, onLinux7, plain, type SceneVariant, scene, variants } from './faults.scene.ts'

// Where the kernel makes a mount namespace of a tree, see src/setup/mountNamespace.ts.

/** What the executor's processes do for create and start. */
function executorCalls(variant: SceneVariant): LoggedCall[] {
  using one = scene(variant)
  createContainer(one.runtime, { id: ID, bundle: '/bundle', consoleSocket: variant.consoleSocket })
  startContainer(one.runtime, ID)
  return one.host.world.log.filter(({ who }) => who !== 'planner')
}

const names = (calls: readonly LoggedCall[]) => new Set(calls.map(({ name }) => name))
/** Calls that begin at the root or the current directory. */
const byPath = ({ args, texts }: LoggedCall) => args[0] === -100 && texts.length > 0

test('the first process enters it, and nothing is copied or taken away', () => {
  const calls = executorCalls(onLinux7)
  expect([...names(calls)].filter(name => ['pivot_root', 'umount2', 'mount', 'chroot'].includes(name))).toEqual([])
  expect(calls.filter(({ name, args }) => name === 'setns' && args[1] === CLONE_NEWNS)).toHaveLength(1)
})

test('nothing of the host is looked for once it is entered', () => {
  const calls = executorCalls(onLinux7)
  const after = calls.slice(calls.findIndex(({ name }) => name === 'setns'))
  const { pid } = after[0]!
  const looked = after.filter(call => call.pid === pid && byPath(call)).map(({ name, texts }) => `${name} ${texts[0]}`)
  // The root itself, and the program in it.
  expect(looked.slice(0, 1)).toEqual(['openat /'])
  expect(looked.slice(1).filter(text => !/ \/(bin|proc|masked|secret|fixed)\b/.test(text))).toEqual([])
})

test('an older kernel is not asked for one', () => {
  const calls = executorCalls(plain)
  expect(names(calls)).toContain('pivot_root')
  using one = scene(plain)
  createContainer(one.runtime, { id: ID, bundle: '/bundle' })
  expect(one.host.world.log.filter(({ name, args }) => name === 'open_tree' && (args[2]! & 2) !== 0)).toEqual([])
})

const others = ['with hooks', 'with a user namespace', 'step by step']

test.each(others)('%s the host’s mounts are there as before', name => {
  const variant = variants.find(one => one.name === name)!
  const calls = executorCalls({ ...variant, script: { ...variant.script, release: '7.2.0' } })
  expect(names(calls)).toContain('pivot_root')
})

test.each([...variants, ...variants.map(variant => ({ ...variant, script: { ...variant.script, release: '7.2.0' } }))])(
  'plan tells what is done: $name, $script.release',
  variant => {
    using one = scene(variant)
    const actions = stepsFor(one.runtime, { bundle: '/bundle', id: ID }).steps.map(({ action }) => action)
    const done = names(executorCalls(variant))
    expect(actions.includes('pivot_root')).toBe(done.has('pivot_root'))
    expect(actions.includes('setns')).toBe(!done.has('pivot_root'))
  },
)
