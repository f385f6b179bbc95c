import { expect, test } from 'vitest'
import { currentPhrase, doing, doingAll, Failure, isErrno, KernelError, phraseTexts } from './failure.ts'

function thrown(work: () => unknown): Failure {
  try {
    work()
  } catch (error) {
    return error as Failure
  }
  throw new Error('nothing was thrown')
}

test('a failure says what was being done, outermost first', () => {
  const error = thrown(() =>
    doing('create `web`', () =>
      doing('mount `/proc`', () => {
        throw new KernelError('fsmount', 1)
      }),
    ),
  )
  expect(error.message).toBe('create `web`: mount `/proc`: fsmount: EPERM')
  expect(error.phrases).toEqual(['create `web`', 'mount `/proc`'])
  expect(error.reason).toBe('fsmount: EPERM')
})

test('what is over is not in the chain any more, also after a failure', () => {
  thrown(() =>
    doing('first', () => {
      throw new Failure('broken')
    }),
  )
  expect(doing('second', () => new Failure('x').message)).toBe('second: x')
  expect([currentPhrase(), new Failure('y').message]).toEqual([undefined, 'y'])
})

test('doing() gives back the result of the work', () => {
  expect(doing('count', () => 3)).toBe(3)
})

test('a phrase that was kept serves a failure that shows up later', () => {
  const phrase = doing('a', () => doing('b', currentPhrase))
  expect(new Failure('late', phrase).message).toBe('a: b: late')
  expect(doing('c', () => new KernelError('open', 2, '`/x`', undefined, phrase).message)).toBe(
    'a: b: open `/x`: ENOENT',
  )
})

test('phraseTexts() stops at the base', () => {
  doing('outer', () => {
    const base = currentPhrase()
    doing('inner', () => expect(phraseTexts(currentPhrase(), base)).toEqual(['inner']))
  })
})

test('doingAll() rebuilds a chain from its texts', () => {
  expect(doingAll(['a', 'b'], () => new Failure('x').phrases)).toEqual(['a', 'b'])
  expect(doingAll([], () => 1)).toBe(1)
})

test('a kernel error names call, subject, errno and hint, and keeps them apart', () => {
  const error = new KernelError('mount', 28, '`/proc`', 'too many mounts')
  expect(error.message).toBe('mount `/proc`: ENOSPC (too many mounts)')
  const { call, errno, code, subject, hint, kind, name } = error
  expect([call, errno, code, subject, hint, kind, name]).toEqual([
    'mount',
    28,
    'ENOSPC',
    '`/proc`',
    'too many mounts',
    'kernel',
    'KernelError',
  ])
  expect(new KernelError('x', 4000).code).toBe('errno 4000')
})

test('isErrno() is true for these errnos of a system call only', () => {
  expect(isErrno(new KernelError('open', 2), 'EPERM', 'ENOENT')).toBe(true)
  expect(isErrno(new KernelError('open', 2), 'EPERM')).toBe(false)
  expect(isErrno(new Error('ENOENT'), 'ENOENT')).toBe(false)
})

test('failures of the clean-up travel beside the first one', () => {
  const error = new Failure('first')
  error.cleanup.push(new Failure('second'))
  expect([error.message, error.cleanup.map(String)]).toEqual(['first', ['Failure: second']])
})
