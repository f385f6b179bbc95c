import { expect, test } from 'vitest'
import { ConfigError, doing, Failure, KernelError, StateError } from '../errors.ts'
import { AbortError, abortedBy, MaxOutputError } from './aborted.ts'
import { callerOf, receiveError, sendError } from './failures.ts'

const through = (error: unknown) => receiveError(structuredClone(sendError(error)))

test('an error is of the same class on the other side, with its properties', () => {
  const kernel = doing('mount `/proc`', () => new KernelError('openat', 2, '`/x`', 'it is not there'))
  expect(through(kernel)).toBeInstanceOf(KernelError)
  expect(through(kernel)).toMatchObject({ ...kernel, message: kernel.message, stack: kernel.stack })
  expect(through(new ConfigError('is wrong', '/process'))).toMatchObject({ pointer: '/process', kind: 'config' })
  expect(through(new StateError('it runs'))).toBeInstanceOf(Failure)
})

test('what failed while cleaning up comes along', () => {
  const error = new Failure('no')
  error.cleanup.push(new KernelError('rmdir', 16))
  expect((through(error) as Failure).cleanup[0]).toBeInstanceOf(KernelError)
})

test('the stack is that of the caller, and the cause has that of the thread', () => {
  const ask = () => callerOf(ask)
  const sent = structuredClone(sendError(new StateError('it runs')))
  const error = receiveError(sent, ask())
  expect(error).toBeInstanceOf(StateError)
  expect(error.stack).toMatch(/^StateError: it runs\n {4}at .*failures\.test\.ts/)
  expect(error.stack).not.toContain('at ask')
  expect(error.cause).toMatchObject({ message: 'it runs', stack: sent.stack })
  expect(Object.keys(error)).not.toContain('stack')
})

test('every failure has a code and a name that stay', () => {
  expect(new StateError('x')).toMatchObject({ name: 'StateError', code: 'ERR_TSRUN_STATE' })
  expect(new Failure('x')).toMatchObject({ name: 'Failure', code: 'ERR_TSRUN_FAILURE' })
  expect(new KernelError('openat', 2)).toMatchObject({ name: 'KernelError', code: 'ENOENT' })
  const written = { stdout: 'a', stderr: 'b' }
  expect(abortedBy('enough', written)).toMatchObject({
    name: 'AbortError',
    code: 'ABORT_ERR',
    cause: 'enough',
    ...written,
  })
  const timeout = new DOMException('late', 'TimeoutError')
  const error = abortedBy(timeout, written)
  expect(error).toBeInstanceOf(AbortError)
  expect(error).toMatchObject({ name: 'TimeoutError', code: 'ETIMEDOUT', cause: timeout })
  expect(new MaxOutputError(5, written)).toMatchObject({
    name: 'MaxOutputError',
    code: 'ERR_TSRUN_MAX_OUTPUT',
    ...written,
  })
})

test('other errors are errors', () => {
  const error = through(new TypeError('x is not a function'))
  expect(error).toBeInstanceOf(Error)
  expect(error).not.toBeInstanceOf(Failure)
  expect(`${error.message}`).toBe('x is not a function')
  expect(through('text').message).toBe('text')
})
