import { expect, test } from 'vitest'
import { Failure, UsageError } from '../../errors.ts'
import { forMatching } from './matching.ts'

test('forMatching() works on every id in which the pattern is found', () => {
  const seen: string[] = []
  forMatching(['web1', 'db', 'web2'], 'eb[0-9]$', id => seen.push(id))
  expect(seen).toEqual(['web1', 'web2'])
})

test('forMatching() goes on after a failure and reports all of them', () => {
  const seen: string[] = []
  const work = (id: string) => {
    seen.push(id)
    if (id !== 'b') throw new Failure(`no ${id}`)
  }
  let failure: unknown
  try {
    forMatching(['a', 'b', 'c'], '.', work)
  } catch (error) {
    failure = error
  }
  expect(seen).toEqual(['a', 'b', 'c'])
  expect(failure).toMatchObject({ message: 'no a', cleanup: [{ message: 'no c' }] })
})

test('forMatching() refuses a bad pattern', () => {
  expect(() => forMatching(['a'], '(', () => {})).toThrow(UsageError)
})
