import { expect, test } from 'vitest'
import { decode, encode, type Fields } from './protobuf.ts'

const FIELDS: Fields = { id: 1, inner: [2, { name: 1, size: 2 }], words: 3, labels: [4, 'map'] }

test('encode() writes what the examples of the format have', () => {
  // https://protobuf.dev/programming-guides/encoding/
  expect(encode({ a: 1 }, { a: 150 })).toEqual(Buffer.from([0x08, 0x96, 0x01]))
  expect(encode({ b: 2 }, { b: 'testing' })).toEqual(Buffer.from('\x12\x07testing', 'latin1'))
})

test('decode() reads what encode() wrote', () => {
  const bytes = encode(FIELDS, { id: 300, inner: { name: 'x', size: 2 ** 40 }, words: ['a', 'b'], labels: { k: 'v' } })
  const found = decode(bytes)
  expect(found.get(1)).toBe(300)
  expect(decode(found.get(2) as Buffer)).toEqual(
    new Map<number, number | Buffer>([
      [1, Buffer.from('x')],
      [2, 2 ** 40],
    ]),
  )
  expect(String(found.get(3))).toBe('b')
  expect(String(decode(found.get(4) as Buffer).get(2))).toBe('v')
})

test('encode() knows its fields', () => {
  expect(() => encode(FIELDS, { other: 1 })).toThrow('no field other')
})
