import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { aarch64 } from '../../../native/arch/aarch64.ts'
import { x86_64 } from '../../../native/arch/x86_64.ts'
import { type FilterArchitecture, architectures, isNumber } from './architectures.ts'

function numbers({ calls }: FilterArchitecture): Map<string, number> {
  const found = new Map<string, number>()
  let next = 0
  for (const word of calls.split(' ')) {
    if (isNumber(word)) next = Number(word)
    else found.set(word, next++)
  }
  return found
}

test.each([
  ['SCMP_ARCH_X86_64', x86_64],
  ['SCMP_ARCH_AARCH64', aarch64],
] as const)('the table of %s has what the runtime calls itself', (name, own) => {
  const table = numbers(architectures[name])
  for (const [call, number] of Object.entries(own)) expect([call, table.get(call)]).toEqual([call, number])
})

const header = '/usr/include/x86_64-linux-gnu/asm/unistd_64.h'

test.skipIf(!existsSync(header))('the table of x86-64 has the calls of the installed headers', () => {
  const table = numbers(architectures.SCMP_ARCH_X86_64)
  const defined = [...readFileSync(header, 'utf8').matchAll(/^#define __NR_(\w+) (\d+)$/gm)]
  expect(defined.length).toBeGreaterThan(300)
  for (const [, name, number] of defined) expect([name, table.get(name!)]).toEqual([name, Number(number)])
})

test.each(Object.entries(architectures))('the numbers of %s go up, and no name comes twice', (_, arch) => {
  const table = numbers(arch)
  const words = arch.calls.split(' ')
  expect(table.size).toBe(words.filter(word => !isNumber(word)).length)
  const list = [...table.values()]
  expect(list).toEqual([...list].sort((a, b) => a - b))
})

test('calls since 5.0 have the same number everywhere, but for the offsets of some', () => {
  const offsets: Record<string, number> = {
    MIPS: 4000,
    MIPSEL: 4000,
    MIPS64: 5000,
    MIPSEL64: 5000,
    MIPS64N32: 6000,
    MIPSEL64N32: 6000,
    X32: 0x40000000,
  }
  for (const [name, arch] of Object.entries(architectures))
    expect([name, numbers(arch).get('openat2')]).toEqual([name, 437 + (offsets[name.slice('SCMP_ARCH_'.length)] ?? 0)])
})
