import type { SeccompArch } from '../../../spec/generated/config.ts'
import { aarch64 } from './numbers/aarch64.ts'
import { arm } from './numbers/arm.ts'
import { loongarch64 } from './numbers/loongarch64.ts'
import { m68k } from './numbers/m68k.ts'
import { mips } from './numbers/mips.ts'
import { mips64 } from './numbers/mips64.ts'
import { mips64n32 } from './numbers/mips64n32.ts'
import { parisc } from './numbers/parisc.ts'
import { parisc64 } from './numbers/parisc64.ts'
import { ppc } from './numbers/ppc.ts'
import { ppc64 } from './numbers/ppc64.ts'
import { riscv64 } from './numbers/riscv64.ts'
import { s390 } from './numbers/s390.ts'
import { s390x } from './numbers/s390x.ts'
import { sh } from './numbers/sh.ts'
import { x32 } from './numbers/x32.ts'
import { x86 } from './numbers/x86.ts'
import { x86_64 } from './numbers/x86_64.ts'

/** What a filter has to know of an architecture. */
export interface FilterArchitecture {
  /** AUDIT_ARCH_* of <linux/audit.h>, which the kernel puts into `struct seccomp_data`. */
  readonly audit: number
  /** Names in the order of their numbers; a number stands where they do not go up by one. */
  readonly calls: string
  /** Width of an argument: of a narrow one only the lower half counts. */
  readonly bits: 32 | 64
  readonly endian: 'little' | 'big'
}

const row = (audit: number, calls: string, bits: 32 | 64, endian: 'little' | 'big'): FilterArchitecture => ({
  audit,
  calls,
  bits,
  endian,
})

/** In the order of libseccomp's names. SH is the little endian one there, SHEB the big endian one. */
export const architectures: Readonly<Record<SeccompArch, FilterArchitecture>> = {
  SCMP_ARCH_X86: row(0x40000003, x86, 32, 'little'),
  SCMP_ARCH_X86_64: row(0xc000003e, x86_64, 64, 'little'),
  SCMP_ARCH_X32: row(0xc000003e, x32, 32, 'little'), // told from x86-64 by X32_BIT in the number
  SCMP_ARCH_ARM: row(0x40000028, arm, 32, 'little'),
  SCMP_ARCH_AARCH64: row(0xc00000b7, aarch64, 64, 'little'),
  SCMP_ARCH_LOONGARCH64: row(0xc0000102, loongarch64, 64, 'little'),
  SCMP_ARCH_M68K: row(0x00000004, m68k, 32, 'big'),
  SCMP_ARCH_MIPS: row(0x00000008, mips, 32, 'big'),
  SCMP_ARCH_MIPS64: row(0x80000008, mips64, 64, 'big'),
  SCMP_ARCH_MIPS64N32: row(0xa0000008, mips64n32, 32, 'big'),
  SCMP_ARCH_MIPSEL: row(0x40000008, mips, 32, 'little'),
  SCMP_ARCH_MIPSEL64: row(0xc0000008, mips64, 64, 'little'),
  SCMP_ARCH_MIPSEL64N32: row(0xe0000008, mips64n32, 32, 'little'),
  SCMP_ARCH_PARISC: row(0x0000000f, parisc, 32, 'big'),
  SCMP_ARCH_PARISC64: row(0x8000000f, parisc64, 64, 'big'),
  SCMP_ARCH_PPC: row(0x00000014, ppc, 32, 'big'),
  SCMP_ARCH_PPC64: row(0x80000015, ppc64, 64, 'big'),
  SCMP_ARCH_PPC64LE: row(0xc0000015, ppc64, 64, 'little'),
  SCMP_ARCH_RISCV64: row(0xc00000f3, riscv64, 64, 'little'),
  SCMP_ARCH_S390: row(0x00000016, s390, 32, 'big'),
  SCMP_ARCH_S390X: row(0x80000016, s390x, 64, 'big'),
  SCMP_ARCH_SH: row(0x4000002a, sh, 32, 'little'),
  SCMP_ARCH_SHEB: row(0x0000002a, sh, 32, 'big'),
}

/** Marks the numbers of x32, whose architecture is x86-64 otherwise. */
export const X32_BIT = 0x40000000

/** The architectures that tsrun runs on, as profiles call them. */
export const nativeArchitecture = { x86_64: 'SCMP_ARCH_X86_64', aarch64: 'SCMP_ARCH_AARCH64' } as const

/** Is this word of a table a number? No name begins with a digit. */
export function isNumber(word: string): boolean {
  return word < ':'
}
