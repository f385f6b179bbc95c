import { expect, test } from 'vitest'
import { get64 } from '../struct.ts'
import { EM_X86_64, elfImage } from './elf.ts'

const code = Uint8Array.of(0x0f, 0x05, 0xf4)
const image = elfImage(code, EM_X86_64)
const view = new DataView(image.buffer)

test('the image is a 64-bit little-endian executable for the machine', () => {
  expect([...image.subarray(0, 7)]).toEqual([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  expect(view.getUint16(16, true)).toBe(2) // ET_EXEC
  expect(view.getUint16(18, true)).toBe(62)
  expect(view.getUint32(20, true)).toBe(1)
})

test('its one segment is read-only and executable and holds the whole file', () => {
  const headers = get64(view, 32)
  expect([view.getUint16(52, true), view.getUint16(54, true), view.getUint16(56, true)]).toEqual([64, 56, 1])
  expect(view.getUint32(headers, true)).toBe(1) // PT_LOAD
  expect(view.getUint32(headers + 4, true)).toBe(5) // PF_R | PF_X
  expect([get64(view, headers + 8), get64(view, headers + 32), get64(view, headers + 40)]).toEqual([
    0,
    image.length,
    image.length,
  ])
})

test('it starts at the first byte of the code', () => {
  const address = get64(view, get64(view, 32) + 16)
  const entry = get64(view, 24) - address
  expect([...image.subarray(entry)]).toEqual([...code])
})

test('the segment is aligned for every kernel, with pages of 64 KiB, too', () => {
  const headers = get64(view, 32)
  const alignment = get64(view, headers + 48)
  expect(alignment).toBe(64 << 10)
  expect(get64(view, headers + 16) % alignment).toBe(get64(view, headers + 8) % alignment)
})
