// Two builds give one file, wherever the source lies: nothing of the machine, the clock or a path gets into the executable.

import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { engineIsAtHand } from '../scripts/buildStatic.ts'

const scratch = mkdtempSync(join(tmpdir(), 'tsrun reproducible '))
afterAll(() => rmSync(scratch, { recursive: true }))

const SOURCE = ['src', 'native', 'spec', 'scripts', 'package.json', 'tsconfig.json']

/** The same source at another path. */
function copySource(): string {
  const copy = join(scratch, 'a longer path than that of the checkout')
  for (const name of SOURCE) cpSync(name, join(copy, name), { recursive: true })
  symlinkSync(resolve('node_modules'), join(copy, 'node_modules'))
  return copy
}

/** Builds the executable from the source in `cwd`, and gives its hash. */
async function build(cwd: string, output: string, env: Record<string, string>): Promise<string> {
  const script = `import('./scripts/buildStatic.ts').then(({ buildStatic }) => buildStatic('src/entry/quickjs.ts', '${output}'))`
  const environment = { ...process.env, TSRUN_COMMIT: 'none', ...env }
  const child = spawn(process.execPath, ['--import', 'tsx', '-e', script], { cwd, env: environment, stdio: 'inherit' })
  expect(await new Promise(done => child.once('close', done))).toBe(0)
  return createHash('sha256').update(readFileSync(output)).digest('hex')
}

test.skipIf(!engineIsAtHand())('two builds give one executable', { timeout: 300_000 }, async () => {
  const [here, there] = await Promise.all([
    build('.', join(scratch, 'here'), {}),
    build(copySource(), join(scratch, 'there'), { TZ: 'Asia/Tokyo', A_VARIABLE: 'x'.repeat(1000) }),
  ])
  expect(there).toBe(here)
})
