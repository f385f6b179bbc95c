import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byteBound, decode, encode, encodeInto, hasDigits } from './utf8.ts'

/** Any sequence of UTF-16 units, also lone surrogates. */
const anyText = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 })
  .map(units => String.fromCharCode(...units))

const bytes = fc.uint8Array({ maxLength: 60 })
/** Bytes as they stand in UTF-8, which random ones rarely do. */
const almostText = fc
  .array(
    fc.constantFrom(
      0x41,
      0x80,
      0xbf,
      0xc0,
      0xc1,
      0xc2,
      0xdf,
      0xe0,
      0xa0,
      0xed,
      0xef,
      0xf0,
      0x90,
      0xf4,
      0x8f,
      0xf5,
      0xff,
    ),
  )
  .map(list => Uint8Array.from(list))

test('encode() gives the same bytes as Buffer', () => {
  fc.assert(
    fc.property(anyText, text => {
      expect([...encode(text)]).toEqual([...Buffer.from(text)])
    }),
  )
})

test('decode() gives back what was encoded', { timeout: 30_000 }, () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      expect(decode(encode(text))).toBe(text)
    }),
  )
})

test('decode() reads well-formed text as TextDecoder does, however long', () => {
  const text = 'aé€😀'.repeat(5000)
  expect(decode(new TextEncoder().encode(text))).toBe(text)
})

test('decode() never throws, and marks what is malformed where TextDecoder does', () => {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  fc.assert(
    fc.property(fc.oneof(bytes, almostText), input => {
      const [own, theirs] = [decode(input), decoder.decode(input)]
      expect(own.includes('\ufffd')).toBe(theirs.includes('\ufffd'))
      // How many marks a broken sequence gets is free, what stands around it is not.
      const valid = (text: string) => text.replaceAll('\ufffd', '')
      expect(valid(own)).toBe(valid(theirs))
    }),
  )
})

test.each([
  ['an overlong form', [0xc0, 0xaf]],
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['a code point beyond the last', [0xf4, 0x90, 0x80, 0x80]],
  ['a sequence that ends too early', [0xe2, 0x82]],
  ['a lone continuation byte', [0x80]],
])('decode() refuses %s', (_, input) => {
  expect(decode(Uint8Array.from(input))).toMatch(/^\ufffd+$/)
})

test('encodeInto() writes at the offset and returns the end, within the bound', () => {
  const target = new Uint8Array(20)
  expect(encodeInto(target, 3, 'é!')).toBe(6)
  expect([...target.subarray(2, 7)]).toEqual([0, 0xc3, 0xa9, 0x21, 0])
  fc.assert(fc.property(anyText, text => encode(text).length <= byteBound(text)))
})

test('hasDigits() finds as many digits in a row as it is asked for', () => {
  const around = fc.constantFrom('', 'x', '12.', ' -', `${'9'.repeat(15)}e`)
  fc.assert(
    fc.property(around, fc.integer({ min: 0, max: 40 }), around, (before, digits, after) => {
      const text = `${before}${'7'.repeat(digits)}${after}`
      expect(hasDigits(text, 16)).toBe(/\d{16}/.test(text))
    }),
  )
})
