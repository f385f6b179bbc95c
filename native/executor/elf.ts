import { Struct } from '../struct.ts'

/** `e_machine` of <elf.h>. */
export const EM_X86_64 = 62
export const EM_AARCH64 = 183

const EHDR_SIZE = 64
const PHDR_SIZE = 56
const LOAD_ADDRESS = 0x40_0000
/** The largest page of a kernel on these machines, which is that of some on AArch64. */
const ALIGNMENT = 0x1_0000
const PT_LOAD = 1
const PF_RX = 5

/** A static ELF executable of one read-only segment that holds `code` and starts at its first byte; see elf(5). */
export function elfImage(code: Uint8Array, machine: number): Uint8Array {
  const start = EHDR_SIZE + PHDR_SIZE
  const size = start + code.length
  const elf = new Struct(size)
  elf.bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]) // magic, 64 bits, little endian, version
  elf.u16(16, 2).u16(18, machine).u32(20, 1) // ET_EXEC
  elf.u64(24, LOAD_ADDRESS + start).u64(32, EHDR_SIZE) // entry, program headers
  elf.u16(52, EHDR_SIZE).u16(54, PHDR_SIZE).u16(56, 1)
  elf.u32(64, PT_LOAD).u32(68, PF_RX).u64(72, 0)
  elf.u64(80, LOAD_ADDRESS).u64(88, LOAD_ADDRESS).u64(96, size).u64(104, size).u64(112, ALIGNMENT)
  elf.bytes.set(code, start)
  return elf.bytes
}
