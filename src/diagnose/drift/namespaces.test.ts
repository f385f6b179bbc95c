import { expect, test } from 'vitest'
import { offsetDrift } from './namespaces.ts'

const text = 'monotonic         -5         7\nboottime        1000         0\n'

test('offsetDrift() compares the clocks that config.json names, with what is left out as 0', () => {
  expect(offsetDrift({ monotonic: { secs: -5, nanosecs: 7 }, boottime: { secs: 1000 } }, text)).toEqual([])
  expect(offsetDrift({ boottime: { secs: 1000, nanosecs: 1 } }, text)).toEqual([
    {
      pointer: '/linux/timeOffsets/boottime',
      what: 'the offset of the boottime clock',
      expected: '1000 s 1 ns',
      found: '1000 s 0 ns',
      note: true,
    },
  ])
})
