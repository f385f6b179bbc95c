import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBase64 } from './base64.ts'

test('decodeBase64() gives back what was encoded', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
      expect(decodeBase64(Buffer.from(bytes).toString('base64'))).toEqual(bytes)
    }),
  )
})

test.each(['A', 'AAA', 'AA=A', '=AAA', 'AA-_', 'AAAA\n', 'AAAA='])('%j is not base64', text => {
  expect(decodeBase64(text)).toBeUndefined()
})
