import { expect, test } from 'vitest'
import { stringify } from './json.ts'

test('stringify() writes bigints with all their digits', () => {
  expect(stringify({ limit: 18446744073709551615n, list: [-9223372036854775808n, 1], text: '12n' })).toBe(
    '{"limit":18446744073709551615,"list":[-9223372036854775808,1],"text":"12n"}',
  )
})

test('stringify() is JSON.stringify() for all the rest', () => {
  const value = { a: null, b: [true, 'x"\\u0000y', 1.5], c: undefined, d: {} }
  expect(stringify(value, 2)).toBe(JSON.stringify(value, undefined, 2))
})
