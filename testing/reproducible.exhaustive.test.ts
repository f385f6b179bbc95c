// Two builds give one file, wherever the source lies: nothing of the machine, the clock or a path gets into the executable.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { CROSS, engineIsAtHand, SHIPPED } from '../scripts/buildStatic.ts'

const scratch = mkdtempSync(join(tmpdir(), 'tsrun reproducible '))
afterAll(() => rmSync(scratch, { recursive: true }))

const SOURCE = ['src', 'native', 'spec', 'scripts', 'package.json', 'tsconfig.json']

/** The same source at another path. */
function copySource(): string {
  const copy = join(scratch, 'a longer path than that of the checkout')
  for (const name of SOURCE) cpSync(name, join(copy, name), { recursive: true })
  if (!existsSync(join(copy, 'node_modules'))) symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))
  return copy
}

/** Builds the executable from the source in `cwd`, and gives its hash. */
async function build(flavour: string, cwd: string, output: string, env: Record<string, string>): Promise<string> {
  const script = `import('./scripts/buildStatic.ts').then(build => build.buildStatic('src/entry/quickjs.ts', '${output}', {}, build.${flavour}))`
  const environment = { ...process.env, TSRUN_COMMIT: 'none', ...env }
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { cwd, env: environment, stdio: 'inherit' })
  expect(await new Promise(done => child.once('close', done))).toBe(0)
  return createHash('sha256').update(readFileSync(output)).digest('hex')
}

for (const [name, flavour, title] of [
  ['SHIPPED', SHIPPED, 'two builds give one executable'],
  ['CROSS', CROSS, 'two builds for arm64, on another machine, give one executable'],
] as const)
  test.skipIf(!engineIsAtHand(flavour) || (flavour === CROSS && process.arch === 'arm64'))(
    title,
    { timeout: 300_000 },
    async () => {
      const [here, there] = await Promise.all([
        build(name, '.', join(scratch, `here ${name}`), {}),
        build(name, copySource(), join(scratch, `there ${name}`), { TZ: 'Asia/Tokyo', A_VARIABLE: 'x'.repeat(1000) }),
      ])
      expect(there).toBe(here)
    },
  )
