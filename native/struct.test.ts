import fc from 'fast-check'
import { expect, test } from 'vitest'
import { get64, getU64, Out, put64, Struct } from './struct.ts'

const view = () => new DataView(new ArrayBuffer(16))

test('a 64-bit word keeps every integer that a double holds', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), value => {
      const word = view()
      put64(word, 8, value)
      expect([get64(word, 8), word.getBigInt64(8, true)]).toEqual([value, BigInt(value)])
      expect(word.getBigUint64(0, true)).toBe(0n)
    }),
  )
})

test('a bigint keeps all of its 64 bits, negative ones in two’s complement', () => {
  const word = view()
  put64(word, 0, 0xffff_ffff_ffff_ffffn)
  expect([getU64(word, 0), get64(word, 0)]).toEqual([0xffff_ffff_ffff_ffffn, -1])
  put64(word, 0, -2n)
  expect(getU64(word, 0)).toBe(0xffff_ffff_ffff_fffen)
})

test('a struct has its fields where they were put and zeros elsewhere', () => {
  const struct = new Struct(24)
    .u16(0, 0x1234)
    .u32(4, 0xdead_beef)
    .u64(8, 2 ** 40)
  expect([...struct.bytes.subarray(0, 8)]).toEqual([0x34, 0x12, 0, 0, 0xef, 0xbe, 0xad, 0xde])
  expect(get64(struct.view, 8)).toBe(2 ** 40)
  expect(struct.bytes.subarray(16).every(byte => byte === 0)).toBe(true)
})

test('a pointer of a struct is remembered and not written', () => {
  const struct = new Struct(16).word(8, '/path')
  expect(struct.words).toEqual([{ offset: 8, value: '/path' }])
  expect(get64(struct.view, 8)).toBe(0)
})

test('space for results starts with what it was given', () => {
  const bytes = Uint8Array.of(7, 0, 0, 0)
  expect([new Out(3).size, new Out(bytes).view.getUint32(0, true)]).toEqual([3, 7])
  const slice = new Out(new Uint8Array([9, 9, 1, 0, 0, 0]).subarray(2))
  expect(slice.view.getUint32(0, true)).toBe(1)
})
