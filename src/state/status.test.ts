import { expect, test } from 'vitest'
import { createKernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { createScriptedHost, fileAt } from '../../testing/scripted.ts'
import { type ContainerRecord, INIT_NAME } from './record.ts'
import { computeStatus, isAlive, isFrozen, processStat } from './status.ts'

const DIRECTORY = '/run/tsrun/web'

/** A container whose first process is there. */
function setUp(name = 'odd) name (') {
  const host = createScriptedHost()
  const outside = createKernel(new DirectCalls(host))
  const process = host.world.newProcess(name, host.world.planner)
  outside.mkdirat(-100, '/sys/fs/cgroup/web', 0o755)
  const { startTime } = processStat(outside, process.pid)!
  const record = { id: 'web', pid: process.pid, startTime, cgroup: '/sys/fs/cgroup/web' } as ContainerRecord
  return { host, outside, process, record }
}

test('processStat() reads over a name with blanks and parentheses', () => {
  const { outside, process } = setUp()
  expect(processStat(outside, process.pid)).toEqual({
    name: 'odd) name (',
    state: 'S',
    startTime: String(100 + process.pid),
    hasEnded: false,
  })
  expect(processStat(outside, 99999)).toBeUndefined()
})

test('a process is alive until it ends, also while nobody has waited for it', () => {
  const { host, outside, process, record } = setUp()
  expect(isAlive(outside, record)).toBe(true)
  host.world.end(process, 9)
  expect(host.zombies().length).toBe(1)
  expect(isAlive(outside, record)).toBe(false)
})

test('another process with the same pid is not ours', () => {
  const { outside, record } = setUp()
  expect(isAlive(outside, { ...record, startTime: '1' })).toBe(false)
})

test('computeStatus() goes from created over running and paused to stopped', () => {
  const { host, outside, process, record } = setUp(INIT_NAME)
  fileAt(host.world.root, `${DIRECTORY}/start`)
  expect(computeStatus(outside, DIRECTORY, record)).toBe('created')
  outside.unlink(-100, `${DIRECTORY}/start`)
  expect(computeStatus(outside, DIRECTORY, record)).toBe('running')
  outside.writeControl(-100, '/sys/fs/cgroup/web/cgroup.freeze', '1')
  expect(computeStatus(outside, DIRECTORY, record)).toBe('paused')
  host.world.end(process, 0)
  expect(computeStatus(outside, DIRECTORY, record)).toBe('stopped')
})

test('a container whose program runs is running, whether or not the socket for start could be removed', () => {
  const { host, outside, record } = setUp('sleep')
  fileAt(host.world.root, `${DIRECTORY}/start`)
  expect(computeStatus(outside, DIRECTORY, record)).toBe('running')
})

test('isFrozen() is false without a cgroup', () => {
  const { outside } = setUp()
  expect([isFrozen(outside, undefined), isFrozen(outside, '/sys/fs/cgroup/none')]).toEqual([false, false])
})
