import { expect, test } from 'vitest'
import { encode } from '../../../native/utf8.ts'
import { readExecutable } from './executable.ts'

test('readExecutable() reads the line of a script', () => {
  expect(readExecutable(encode('#!/bin/sh -e\nexit\n'))).toEqual({ kind: 'script', interpreter: '/bin/sh' })
  expect(readExecutable(encode('#!/bin/sh\r\n'))).toEqual({ kind: 'script', interpreter: '/bin/sh\r' })
  expect(readExecutable(encode('#! \t/usr/bin/env python3'))).toEqual({ kind: 'script', interpreter: '/usr/bin/env' })
  expect(readExecutable(encode('#!\n'))).toEqual({ kind: 'unknown' })
})

/** An ELF header, and one program header that names a loader. */
function elf(wide: boolean, little: boolean, machine: number): Uint8Array {
  const bytes = new Uint8Array(512)
  const view = new DataView(bytes.buffer)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2])
  const address = (at: number, value: number) =>
    wide ? view.setBigUint64(at, BigInt(value), little) : view.setUint32(at, value, little)
  view.setUint16(18, machine, little)
  address(wide ? 32 : 28, 64)
  view.setUint16(wide ? 54 : 42, wide ? 56 : 32, little)
  view.setUint16(wide ? 56 : 44, 1, little)
  view.setUint32(64, 3, little)
  address(64 + (wide ? 8 : 4), 256)
  address(64 + (wide ? 32 : 16), 7)
  bytes.set(encode('/lib/x\0'), 256)
  return bytes
}

test.each([
  [true, true, 62],
  [true, false, 22],
  [false, true, 40],
  [false, false, 8],
])('readExecutable() reads ELF, 64 bits: %s, little endian: %s', (wide, little, machine) => {
  expect(readExecutable(elf(wide, little, machine))).toEqual({
    kind: 'elf',
    machine,
    bits: wide ? 64 : 32,
    interpreter: '/lib/x',
  })
})

test('readExecutable() survives headers that lie', () => {
  const bytes = elf(true, true, 62)
  new DataView(bytes.buffer).setUint16(56, 0xffff, true)
  new DataView(bytes.buffer).setBigUint64(64 + 32, 2n ** 60n, true)
  expect(readExecutable(bytes)).toEqual({ kind: 'elf', machine: 62, bits: 64, interpreter: undefined })
  expect(readExecutable(bytes.subarray(0, 60))).toMatchObject({ kind: 'elf' })
  expect(readExecutable(new Uint8Array())).toEqual({ kind: 'unknown' })
})
