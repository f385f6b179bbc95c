import { expect, test } from 'vitest'
import { parseDuration } from './duration.ts'

test.each<[string, number]>([
  ['5s', 5000],
  ['500ms', 500],
  ['1m30s', 90_000],
  ['1.5h', 5_400_000],
  ['100us', 0.1],
  ['2', 2000],
  ['0.25', 250],
])('parseDuration(%j) is %d ms', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds))

test.each(['', 's', '5 s', '-5s', '5x', '5s3', 'now'])('parseDuration(%j) is none', text =>
  expect(parseDuration(text)).toBeUndefined(),
)
