import { expect, test } from 'vitest'
import { smallest } from './smallest.ts'

test('smallest() finds the boundary to the step', () => {
  expect(smallest(0, 1024, 16, value => value >= 300)).toBe(304)
  expect(smallest(0, 64, 1, value => value >= 1)).toBe(1)
  expect(smallest(0, 64, 1, value => value >= 64)).toBe(64)
})

test('smallest() is undefined when nothing holds', () => {
  expect(smallest(0, 64, 1, () => false)).toBeUndefined()
})

test('smallest() asks few times', () => {
  let asked = 0
  smallest(0, 65_536, 16, value => {
    asked += 1
    return value >= 5000
  })
  expect(asked).toBeLessThanOrEqual(14)
})
