import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ARENA_ADDRESS, ARENA_FD, ARENA_SIZE, CONTROL_FD } from './protocol.ts'
import { assemble, listing } from './x86_64.ts'

const hasObjdump = spawnSync('objdump', ['-i'], { encoding: 'utf8' }).stdout?.includes('i386')
const BASES = [3, 8, 200, 1000]

/** What objdump makes of the code: `address: instruction` in the spelling of the comments. */
function disassemble(code: Uint8Array): { address: number; asm: string }[] {
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-objdump-'))
  try {
    const file = join(directory, 'code')
    writeFileSync(file, code)
    const args = ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '--insn-width=16', file]
    const lines = execFileSync('objdump', args, { encoding: 'utf8' }).split('\n')
    return lines.flatMap(line => {
      const found = /^\s*([0-9a-f]+):\t(?:[0-9a-f]{2} )+\s*\t(.*)$/.exec(line)
      if (found === null) return []
      const asm = found[2]!.replace('QWORD PTR ', '').replace(/\s+/g, ' ').trim()
      return [{ address: Number.parseInt(found[1]!, 16), asm }]
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** The comments, with the addresses of labels instead of their names. */
function commented(base: number): { address: number; asm: string }[] {
  const lines = listing(base)
  const size = (line: (typeof lines)[number]) =>
    'label' in line ? 0 : 'bytes' in line ? line.bytes.length : line.jump.length + (line.wide ? 4 : 1)
  const labels = new Map<string, number>()
  let at = 0
  const placed = lines.map(line => {
    if ('label' in line) labels.set(line.label, at)
    const address = at
    at += size(line)
    return { line, address }
  })
  return placed.flatMap(({ line, address }) => {
    if ('label' in line) return []
    const asm = 'to' in line ? `${line.asm.split(' ')[0]} 0x${labels.get(line.to)!.toString(16)}` : line.asm
    return [{ address, asm }]
  })
}

test.skipIf(!hasObjdump).each(BASES)('the code for base %i is what its comments say', base => {
  expect(disassemble(assemble(base))).toEqual(commented(base))
})

test('only the two descriptors depend on the base', () => {
  const [one, other] = [assemble(3), assemble(8)]
  expect(other.length).toBe(one.length)
  const different = [...one.keys()].filter(i => one[i] !== other[i])
  expect(different.map(i => [one[i], other[i]])).toEqual([
    [3 + ARENA_FD, 8 + ARENA_FD],
    [3 + CONTROL_FD, 8 + CONTROL_FD],
    [3 + CONTROL_FD, 8 + CONTROL_FD],
  ])
})

test('the code is small, and short jumps reach their labels', () => {
  for (const base of BASES) expect(assemble(base).length).toBeLessThan(288)
  const lines = listing(3)
  const labels = lines.flatMap(line => ('label' in line ? [line.label] : []))
  for (const line of lines) if ('to' in line) expect(labels).toContain(line.to)
})

test('addresses fit into the 32-bit immediates that the code loads them with', () => {
  expect(ARENA_ADDRESS + ARENA_SIZE).toBeLessThan(2 ** 31)
})
