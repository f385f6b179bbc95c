import { expect, test } from 'vitest'
import { createScriptedHost } from '../../testing/scripted.ts'
import { AT_FDCWD, MFD_CLOEXEC } from '../abi/fcntl.ts'
import { launchExecutor, type MakeExecutorCalls } from '../executor/launch.ts'
import { doing, phraseTexts } from '../failure.ts'
import { createKernel } from '../kernel.ts'
import { DirectCalls } from './direct.ts'
import { madeText, outcome } from './traced.ts'
import { type Batch, type Chain, TracedExecutorCalls } from './tracedExecutor.ts'

/** An executor with everything that its watcher hears. */
function watched() {
  const host = createScriptedHost()
  const outside = createKernel(new DirectCalls(host))
  const batches: Batch[] = []
  const chains: Chain[] = []
  let time = 0
  const watcher = {
    clock() {
      time += 10
      return time
    },
    beginning: { seconds: 0, nanoseconds: 0 },
    phaseName: () => 'phase',
    batch: (batch: Batch) => void batches.push(batch),
    chain: (chain: Chain) => void chains.push(chain),
  }
  const makeCalls: MakeExecutorCalls = (...parts) => new TracedExecutorCalls(watcher, ...parts)
  const executor = launchExecutor(host, outside, { passed: [], makeCalls })
  executor.kernel.flush()
  batches.length = 0
  return { executor, machine: executor.calls as TracedExecutorCalls, batches, chains }
}

test('deferred calls are reported with their batch, in order, with results and phrases', () => {
  const { executor, batches } = watched()
  const { kernel } = executor
  doing('mount `/proc`', () => {
    const fd = kernel.memfdCreate('x', MFD_CLOEXEC)
    kernel.writeText(fd, 'abc')
  })
  expect(batches).toEqual([])
  kernel.flush()
  expect(batches).toHaveLength(1)
  const { start, end, calls, left } = batches[0]!
  const texts = calls.map(madeText)
  expect(texts[0]).toMatch(/^memfd_create\("x", 1\) = (\d+)$/)
  expect(texts[1]).toMatch(/^write\(\d+<memfd:x>, "abc", 3\) = 3$/)
  expect(calls.map(({ phrase }) => phraseTexts(phrase))).toEqual([['mount `/proc`'], ['mount `/proc`']])
  for (const call of calls) {
    expect(call.start).toBeGreaterThanOrEqual(start)
    expect(call.end).toBeLessThanOrEqual(end)
  }
  expect(left).toBe(0)
})

test('an answer is one batch, and its end is before the next one begins', () => {
  const { executor, batches } = watched()
  const { kernel } = executor
  kernel.umask(0)
  kernel.getpid()
  kernel.getpid()
  expect(batches.map(({ calls }) => calls.map(({ call }) => call.name))).toEqual([['umask', 'getpid'], ['getpid']])
  expect(batches[0]!.end).toBeLessThan(batches[1]!.start)
})

test('a failure is in its batch, with the number of calls that it kept from being made', () => {
  const { executor, batches } = watched()
  const { kernel } = executor
  kernel.rmdir(AT_FDCWD, '/missing')
  kernel.mkdirat(AT_FDCWD, '/missing/x', 0o700)
  kernel.umask(0)
  kernel.umask(0)
  expect(() => kernel.flush()).toThrow('mkdirat `/missing/x`: ENOENT')
  const { calls, left, error } = batches.at(-1)!
  expect(calls.map(madeText)).toEqual(['mkdirat(AT_FDCWD, "/missing/x", 0700) = -1 ENOENT'])
  expect(calls.map(outcome)).toEqual(['failed'])
  expect([left, String(error)]).toEqual([2, 'KernelError: mkdirat `/missing/x`: ENOENT'])
})

test('a recorded chain is reported when it has run', () => {
  const { executor, machine, batches, chains } = watched()
  const { kernel } = executor
  const never = machine.record(() => kernel.umask(1))
  const chain = machine.record(() => {
    kernel.umask(2)
    kernel.umask(3)
  })
  machine.link(never, 0)
  machine.link(chain, 0)
  const first = machine.later({ name: 'getpid', args: [] })
  first.branch({ positive: chain[0]!.address })
  machine.keep()
  kernel.flush()
  expect(batches.at(-1)!.calls.map(({ call }) => call.name)).toEqual(['getpid'])
  expect(chains).toEqual([])
  machine.finish()
  expect(chains.map(({ name, calls }) => [name, ...calls.map(({ call }) => call.args[0])])).toEqual([['phase', 2, 3]])
})
