import { expect, test } from 'vitest'
import { ConfigError, doing, Failure, KernelError, StateError } from '../errors.ts'
import { receiveError, sendError } from './failures.ts'

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

test('other errors are errors', () => {
  const error = through(new TypeError('x is not a function'))
  expect(error).toBeInstanceOf(Error)
  expect(error).not.toBeInstanceOf(Failure)
  expect(`${error.message}`).toBe('x is not a function')
  expect(through('text').message).toBe('text')
})
