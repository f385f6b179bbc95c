import { expect, test } from 'vitest'
import { numberMask } from './numberList.ts'

test.each<[string, number[]]>([
  ['0', [1, 0, 0, 0, 0, 0, 0, 0]],
  ['0-3,7', [0x8f, 0, 0, 0, 0, 0, 0, 0]],
  ['8, 10', [0, 5, 0, 0, 0, 0, 0, 0]],
  ['63', [0, 0, 0, 0, 0, 0, 0, 0x80]],
  ['64', [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]],
])('numberMask() of %s, in whole words', (list, bytes) => {
  expect([...numberMask(list, 1024, '/p')]).toEqual(bytes)
})

test.each([
  ['', 'must be a list such as 0-3,7, is ""'],
  ['1,', 'must be a list such as 0-3,7, is "1,"'],
  ['0-', 'must be a list'],
  ['-1', 'must be a list'],
  ['0x1', 'must be a list'],
  ['3-1', 'the range 3-1 goes backwards'],
  ['0-1024', '1024 is too high, the highest possible is 1023'],
])('numberMask() refuses %j', (list, reason) => {
  expect(() => numberMask(list, 1024, '/p')).toThrow(`/p: ${reason}`)
})
