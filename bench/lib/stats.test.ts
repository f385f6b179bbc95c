import { expect, test } from 'vitest'
import { quantile, summarize } from './stats.ts'

test('summarize() gives median and spread whatever the order of the samples', () => {
  expect(summarize([100, 30, 10, 70, 20, 40, 90, 0, 60, 50, 80_000])).toEqual({
    count: 11,
    min: 0,
    p10: 10,
    median: 50,
    p90: 100,
    max: 80_000,
    mad: 30,
  })
})

test('summarize() does not sort the samples themselves', () => {
  const samples = [3, 1, 2]
  summarize(samples)
  expect(samples).toEqual([3, 1, 2])
})

test('summarize() takes one sample for all of its numbers', () => {
  const { min, p10, median, p90, max, mad } = summarize([7])
  expect([min, p10, median, p90, max]).toEqual([7, 7, 7, 7, 7])
  expect(mad).toBe(0)
})

test('summarize() refuses to make numbers of nothing', () => {
  expect(() => summarize([])).toThrow('no samples')
})

test('quantile() interpolates between neighbours', () => {
  expect(quantile([0, 10], 0.25)).toBe(2.5)
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2.5)
})
