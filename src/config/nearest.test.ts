import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

const WORDS = ['create', 'start', 'state', 'run', 'delete', 'list']

test.each([
  ['craete', 'create'],
  ['strt', 'start'],
  ['statt', 'start'],
  ['ru', 'run'],
  ['deleted', 'delete'],
  ['cr', 'create'],
])('nearest() takes `%s` for `%s`', (word, meant) => {
  expect(nearest(word, WORDS)).toBe(meant)
})

test.each(['frobnicate', 'x', 'exec', ''])('nearest() finds nothing near `%s`', word => {
  expect(nearest(word, WORDS)).toBe(undefined)
})
