import { expect, test } from 'vitest'
import { launchExecutor } from '../../native/executor/launch.ts'
import { KernelError } from '../../native/failure.ts'
import type { Fd } from '../../native/fd.ts'
import { createKernel, type Kernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { Out } from '../../native/struct.ts'
import { createScriptedHost } from '../../testing/scripted.ts'
import { doing, Failure } from '../errors.ts'
import { awaitProgram, recordTail } from './tail.ts'

/** Lets an executor take the tail alone and gives what it reports, which is the same for the planner and for `start`. */
function report(steps: (tail: Kernel) => void, before: (kernel: Kernel) => void = () => {}): Failure | undefined {
  const own = reportFor('planner', steps, before)
  expect(reportFor('start', steps, before)).toEqual(own)
  return own
}

function reportFor(
  reader: 'planner' | 'start',
  steps: (tail: Kernel) => void,
  before: (kernel: Kernel) => void,
): Failure | undefined {
  const host = createScriptedHost()
  const outside = createKernel(new DirectCalls(host))
  const executor = launchExecutor(host, outside, { passed: [] })
  executor.kernel.flush()
  before(executor.kernel)
  const tail = doing('create `web`', () => recordTail(executor, reader, steps))
  executor.calls.send(tail.operations)
  try {
    awaitProgram(outside, executor.control, reader === 'planner' ? tail : undefined)
    return undefined
  } catch (error) {
    return error as Failure
  }
}

test('a failed call of the tail is told with its words, without those of the planner', () => {
  const error = report(tail => {
    tail.umask(0)
    doing('hook 0', () => tail.chdir('/missing', undefined, { ENOENT: 'it is not there' }))
    tail.umask(0)
  })
  expect(error).toBeInstanceOf(KernelError)
  expect(error?.message).toBe('hook 0: chdir `/missing`: ENOENT (it is not there)')
})

test('the failure of a call whose result goes elsewhere too is told as well', () => {
  const error = report(tail => {
    const fd = tail.openat(-100, '/missing', 0)
    tail.dup3(fd, 9, 0)
  })
  expect(error?.message).toBe('openat `/missing`: ENOENT')
})

test('a result that is not as expected is told in its own words', () => {
  const error = report(tail => {
    tail.later({ name: 'umask', args: [0], expect: 'positive', unexpected: 'there is no mask' })
  })
  expect(error).toBeInstanceOf(Failure)
  expect(error?.message).toBe('there is no mask')
})

test('a status that was read is told as exit code or signal', () => {
  const told = (...bytes: number[]) =>
    report(tail => {
      const status = new Out(Uint8Array.from([...bytes, 0, 0, 0, 0, 0, 0]))
      tail.later({ name: 'faccessat', args: [-100, '/', 0, status] }) // only to place it
      tail.later({ name: 'load', args: [status.address], expect: 'zero' })
    })?.message
  expect([told(0, 3), told(9, 0), told(31, 0)]).toEqual([
    'exit code 3',
    'killed by signal 9',
    'killed by signal 31 (bad system call)',
  ])
})

test('the end of the connection means that the program runs', () => {
  expect(report(tail => tail.exit(0))).toBeUndefined()
})

test('a tail may begin with what a batch on its way opens', () => {
  let root: Fd | undefined
  const error = report(
    tail => {
      tail.later({ name: 'umask', args: [root!], expect: 'positive', unexpected: 'there is no mask' })
      tail.umask(0)
    },
    kernel => {
      root = kernel.openat(-100, '/', 0).take()
      kernel.begin()
    },
  )
  expect(error?.reason).toBe('there is no mask')
})
