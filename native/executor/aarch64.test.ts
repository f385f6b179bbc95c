import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { labelsOf } from './a64.ts'
import { assemble, listing } from './aarch64.ts'
import { ARENA_ADDRESS, ARENA_SIZE } from './protocol.ts'

const OBJDUMP = 'aarch64-linux-gnu-objdump'
const hasObjdump = spawnSync(OBJDUMP, ['--version']).status === 0
const BASES = [3, 8, 200, 100_000]

/** What objdump makes of the code, with addresses. */
function disassemble(code: Uint8Array): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-objdump-'))
  try {
    const file = join(directory, 'code')
    writeFileSync(file, code)
    const output = execFileSync(OBJDUMP, ['-D', '-b', 'binary', '-m', 'aarch64', file], { encoding: 'utf8' })
    return output.split('\n').flatMap(line => {
      const found = /^\s*[0-9a-f]+:\t[0-9a-f]{8} \t([^/]*)/.exec(line)
      return found === null ? [] : [found[1]!.replace(/\s+/g, ' ').trim()]
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** The assembly of the listing, with the addresses of labels instead of their names. */
function written(base: number): string[] {
  const lines = listing(base)
  const labels = labelsOf(lines)
  return lines.flatMap(line => {
    if ('label' in line) return []
    return line.to === undefined ? [line.asm] : [line.asm.replace(line.to, `0x${labels.get(line.to)!.toString(16)}`)]
  })
}

test.skipIf(!hasObjdump).each(BASES)('the code for base %i is what the listing says', base => {
  expect(disassemble(assemble(base))).toEqual(written(base))
})

test('every branch leads to a label', () => {
  const labels = labelsOf(listing(3))
  for (const line of listing(3)) if ('to' in line) expect([...labels.keys()]).toContain(line.to)
})

test('the code is small', () => {
  for (const base of BASES) expect(assemble(base).length).toBe(276)
})

test('one instruction each loads address and size of the arena', () => {
  for (const value of [ARENA_ADDRESS, ARENA_SIZE]) {
    expect(value % 0x1_0000).toBe(0)
    expect(value).toBeLessThan(2 ** 32)
  }
})
