import { expect, test } from 'vitest'
import { decodeMessage, encodeMessage } from './protobuf.ts'

const inner = { name: [1, 'string'], code: [2, 'int32'] } as const
const message = {
  flag: [1, 'bool'],
  count: [2, 'uint32'],
  code: [3, 'int32'],
  text: [4, 'string'],
  one: [5, inner],
  many: [6, [inner]],
  words: [16, ['string']],
} as const

const hex = (bytes: Uint8Array) => Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(' ')
const bytes = (text: string) => new Uint8Array(text.split(' ').map(word => Number.parseInt(word, 16)))

test('encodeMessage() writes what protoc writes', () => {
  // The three examples of https://protobuf.dev/programming-guides/encoding/: 150, "testing", a message in a message.
  expect(hex(encodeMessage({ a: [1, 'int32'] }, { a: 150 }))).toBe('08 96 01')
  expect(hex(encodeMessage({ b: [2, 'string'] }, { b: 'testing' }))).toBe('12 07 74 65 73 74 69 6e 67')
  expect(hex(encodeMessage({ c: [3, { a: [1, 'int32'] }] }, { c: { a: 150 } }))).toBe('1a 03 08 96 01')
})

test('encodeMessage() writes a negative number as one of 64 bits', () => {
  expect(hex(encodeMessage({ a: [1, 'int32'] }, { a: -2 }))).toBe('08 fe ff ff ff ff ff ff ff ff 01')
  expect(hex(encodeMessage({ a: [1, 'int32'] }, { a: -2147483648 }))).toBe('08 80 80 80 80 f8 ff ff ff ff 01')
})

test('encodeMessage() leaves out what is undefined, and writes false and 0', () => {
  expect(hex(encodeMessage(message, { flag: false, count: 0, code: undefined }))).toBe('08 00 10 00')
})

test('encodeMessage() and decodeMessage() are each the inverse of the other', () => {
  const value = {
    flag: true,
    count: 0xffff_ffff,
    code: -1,
    text: 'ä€𐍈',
    one: { name: '', code: 0x7fff_ffff },
    many: [{ name: 'x' }, { code: 128 }, {}],
    words: ['a', '', 'x'.repeat(300)],
  }
  expect(decodeMessage(message, encodeMessage(message, value))).toEqual(value)
})

test('decodeMessage() skips fields that it does not know, of each wire type', () => {
  const unknown = '58 96 01 61 01 02 03 04 05 06 07 08 6a 02 61 62 75 01 02 03 04'
  expect(decodeMessage(message, bytes(`${unknown} 08 01`))).toEqual({ flag: true })
})

test('decodeMessage() refuses what ends too early, and groups', () => {
  expect(() => decodeMessage(message, bytes('22 05 61'))).toThrow(RangeError)
  expect(() => decodeMessage(message, bytes('08 80'))).toThrow(RangeError)
  expect(() => decodeMessage(message, bytes('0b 0c'))).toThrow(RangeError)
})
