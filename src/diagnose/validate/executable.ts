import type { Architecture } from '../../../native/arch/architecture.ts'
import { decode } from '../../../native/utf8.ts'

/** What the beginning of a file tells about how it is executed, see execve(2). */
export type ExecutableFormat =
  | { readonly kind: 'script'; readonly interpreter: string }
  | {
      readonly kind: 'elf'
      /** EM_*. */
      readonly machine: number
      readonly bits: 32 | 64
      /** The dynamic loader. */
      readonly interpreter: string | undefined
    }
  | { readonly kind: 'unknown' }

/** Enough for a `#!` line, and for the program headers that linkers put at the beginning. */
export const HEAD_SIZE = 4096

/** EM_* of <linux/elf-em.h>, for messages. */
export const machines: Readonly<Record<number, string>> = {
  2: 'sparc',
  3: 'x86',
  8: 'mips',
  20: 'ppc',
  21: 'ppc64',
  22: 's390x',
  40: 'arm',
  62: 'x86_64',
  183: 'aarch64',
  243: 'riscv64',
  258: 'loongarch64',
}

/** What a kernel for these executes: its own, and what came before it. */
export const executes: Readonly<Record<Architecture, readonly number[]>> = {
  x86_64: [62, 3],
  aarch64: [183, 40],
}

const PT_INTERP = 3

/** Reads the beginning of a file; see elf(5). */
export function readExecutable(head: Uint8Array): ExecutableFormat {
  if (head[0] === 0x23 && head[1] === 0x21) return script(head)
  const isElf = head.length >= 52 && head[0] === 0x7f && decode(head.subarray(1, 4)) === 'ELF'
  return isElf ? elf(head) : { kind: 'unknown' }
}

/** The rest of the line up to a space; the kernel hands all behind it on as one argument. */
function script(head: Uint8Array): ExecutableFormat {
  const end = head.indexOf(0x0a)
  const line = decode(head.subarray(2, end < 0 ? head.length : end)).replace(/^[ \t]+|[ \t]+$/g, '')
  const interpreter = line.split(/[ \t]/)[0]!
  return interpreter === '' ? { kind: 'unknown' } : { kind: 'script', interpreter }
}

function elf(head: Uint8Array): ExecutableFormat {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const wide = head[4] === 2
  const little = head[5] !== 2
  const machine = view.getUint16(18, little)
  const address = (at: number) => (wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little))
  const [table, size, count] = wide
    ? [address(32), view.getUint16(54, little), view.getUint16(56, little)]
    : [address(28), view.getUint16(42, little), view.getUint16(44, little)]
  let interpreter: string | undefined
  for (let i = 0; i < count; i++) {
    const at = table + i * size
    if (at + 56 > head.length) break
    if (view.getUint32(at, little) !== PT_INTERP) continue
    const [from, length] = wide ? [address(at + 8), address(at + 32)] : [address(at + 4), address(at + 16)]
    if (from + length <= head.length) interpreter = decode(head.subarray(from, from + length)).replace(/\0.*$/s, '')
  }
  return { kind: 'elf', machine, bits: wide ? 64 : 32, interpreter }
}
