import { expect, test } from 'vitest'
import * as protocol from './protocol.ts'

test('the fields of an operation follow each other without gaps or overlaps', () => {
  const { OP_NUMBER, OP_ARGUMENTS, OP_RESULT, OP_ALSO, OP_POSITIVE, OP_NEGATIVE, OP_ZERO, OP_SIZE } = protocol
  expect([OP_ARGUMENTS, OP_RESULT, OP_ALSO, OP_POSITIVE, OP_NEGATIVE, OP_ZERO, OP_SIZE]).toEqual(
    [8, 7 * 8, 8 * 8, 9 * 8, 10 * 8, 11 * 8, 12 * 8].map(offset => OP_NUMBER + offset),
  )
})

test('operations lie behind the message, on words', () => {
  expect(protocol.ARENA_FIRST).toBeGreaterThanOrEqual(protocol.MESSAGE_SIZE)
  expect(protocol.ARENA_FIRST % 8).toBe(0)
  expect(protocol.OP_SIZE % 8).toBe(0)
})

test('the arena is page aligned, holds the largest argument list, and lies below what the kernel gives out', () => {
  const LARGEST_PAGE = 64 << 10 // of some kernels on AArch64
  const MMAP_MIN_ADDRESS = 0x1_0000
  const EXECUTABLE = 0x40_0000
  const LARGEST_ARGUMENTS = 6 << 20 // three quarters of _STK_LIM, see execve(2)
  expect(protocol.ARENA_ADDRESS % LARGEST_PAGE).toBe(0)
  expect(protocol.ARENA_SIZE % LARGEST_PAGE).toBe(0)
  expect(protocol.ARENA_SIZE).toBeGreaterThan(LARGEST_ARGUMENTS)
  expect(protocol.ARENA_ADDRESS).toBeGreaterThan(Math.max(MMAP_MIN_ADDRESS, EXECUTABLE + LARGEST_PAGE))
})

test('passed descriptors come behind the descriptors that the executor starts with', () => {
  const own = [protocol.ARENA_FD, protocol.CONTROL_FD, protocol.GUARD_FD]
  expect(new Set(own).size).toBe(own.length)
  expect(protocol.FIRST_PASSED_FD).toBe(Math.max(...own) + 1)
})
