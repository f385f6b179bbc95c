import { expect, test } from 'vitest'
import { rotated } from './schedule.ts'

test('rotated() begins each round with the next subject', () => {
  expect(rotated(['a', 'b', 'c'], 0)).toEqual(['a', 'b', 'c'])
  expect(rotated(['a', 'b', 'c'], 1)).toEqual(['b', 'c', 'a'])
  expect(rotated(['a', 'b', 'c'], 2)).toEqual(['c', 'a', 'b'])
})

test('rotated() turns around when everybody was first once', () => {
  expect(rotated(['a', 'b', 'c'], 3)).toEqual(['c', 'b', 'a'])
  expect(rotated(['a', 'b', 'c'], 6)).toEqual(['a', 'b', 'c'])
})

test('rotated() has everybody once in every round', () => {
  for (let round = 0; round < 20; round++) expect(rotated([1, 2, 3, 4], round).sort()).toEqual([1, 2, 3, 4])
})

test('rotated() of nobody is nothing', () => {
  expect(rotated([], 3)).toEqual([])
})
