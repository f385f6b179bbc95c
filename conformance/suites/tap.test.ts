import { expect, test } from 'vitest'
import { readTap } from './tap.ts'

test('readTap() counts checks and keeps the names of those that fail', () => {
  const text = [
    'TAP version 13',
    'ok 1 - has a name',
    'not ok 2 - has a pid',
    '  ---',
    '  error: not ok',
    'ok 3 # SKIP no pid namespace',
    'not ok 4 - console # TODO',
    '# ok, that was it',
    '1..4',
  ].join('\n')
  expect(readTap(text)).toEqual({ passed: 1, skipped: 2, failed: ['has a pid'] })
})

test('readTap() of something else is nothing', () => {
  expect(readTap('panic: runtime error')).toEqual({ passed: 0, skipped: 0, failed: [] })
})
