import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { useBinary } from './binary.ts'

const scratch = mkdtempSync(join(tmpdir(), 'tsrun binary '))
afterAll(() => rmSync(scratch, { recursive: true }))

let count = 0

function script(path: string, says: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `#!/bin/sh\necho ${says} "$@"\n`, { mode: 0o755 })
}

/** The program as npm installs it, with the package of a binary at `binary`; the path of its dist. */
function installed(program = 'node_modules/@tsrun/tsrun', binary = 'node_modules/@tsrun/linux-x64'): string {
  const project = join(scratch, `${count++}`)
  const dist = join(project, program, 'dist')
  script(join(dist, 'node/tsrun'), 'Node.js')
  mkdirSync(join(dist, 'node/lib'))
  copyFileSync('scripts/launcher.sh', join(dist, 'tsrun'))
  if (binary !== '') script(join(project, binary, 'tsrun'), 'binary')
  return dist
}

const say = (dist: string) => spawnSync(join(dist, 'tsrun'), ['a b', 'c'], { encoding: 'utf8' }).stdout

const BESIDE = installed()
const BELOW = installed('node_modules/@tsrun/tsrun', 'node_modules/@tsrun/tsrun/node_modules/@tsrun/linux-x64')
const NONE = installed('node_modules/@tsrun/tsrun', '')
const NEIGHBOUR = installed('work/tsrun', 'work/linux-x64')

test('the launcher executes the binary that npm has installed, else Node.js, and nothing that only has such a name', () => {
  expect([BESIDE, BELOW].map(say)).toEqual(['binary a b c\n', 'binary a b c\n'])
  expect([NONE, NEIGHBOUR].map(say)).toEqual(['Node.js a b c\n', 'Node.js a b c\n'])
  symlinkSync(join(BESIDE, 'tsrun'), join(scratch, 'link'))
  expect(spawnSync(join(scratch, 'link'), { encoding: 'utf8' }).stdout).toBe('binary\n')
})

test('of several binaries the launcher executes the one of this machine', () => {
  const dist = installed()
  script(join(dist, '../../linux-arm64/tsrun'), 'another')
  expect(say(dist)).toBe(process.arch === 'arm64' ? 'another a b c\n' : 'binary a b c\n')
})

test('a copy of the launcher says that it is one', () => {
  const copy = join(scratch, 'copy')
  copyFileSync('scripts/launcher.sh', copy)
  const { status, stderr } = spawnSync(copy, { encoding: 'utf8' })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^tsrun: `.*copy` starts `.*node\/tsrun`, which is not there; a copy does not work: /)
})

test.runIf(process.arch === 'x64')('useBinary() puts the binary into the place of the launcher', () => {
  for (const dist of [BESIDE, BELOW, NONE, NEIGHBOUR]) useBinary(join(dist, 'node/lib'))
  const texts = [BESIDE, BELOW, NONE, NEIGHBOUR].map(dist => readFileSync(join(dist, 'tsrun'), 'utf8'))
  const launcher = readFileSync('scripts/launcher.sh', 'utf8')
  expect(texts.map(text => text === launcher)).toEqual([false, false, true, true])
  expect(say(BESIDE)).toBe('binary a b c\n')
})
