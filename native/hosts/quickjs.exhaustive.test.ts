import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { buildStatic, engineIsAtHand } from '../../scripts/buildStatic.ts'
import type { TestOutcome } from '../../testing/quickjs/vitest.ts'

const directory = mkdtempSync(join(tmpdir(), 'tsrun-quickjs-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** Runs the contract in a static executable of its own. */
function contract(): TestOutcome[] {
  const program = join(directory, 'contract')
  buildStatic('testing/quickjs/contract.ts', program, { alias: { vitest: './testing/quickjs/vitest.ts' } })
  const { stdout, stderr, status } = spawnSync(program, [directory], { encoding: 'utf8', timeout: 60_000 })
  if (status !== 0) throw new Error(`the contract ended with ${status}: ${stderr}`)
  return stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line) as TestOutcome)
}

if (engineIsAtHand()) {
  const outcomes = contract()
  test.each(outcomes.filter(({ skipped }) => !skipped))('$title', ({ failure }) => expect(failure).toBeUndefined())
  test('there are tests', () => expect(outcomes.length).toBeGreaterThan(20))
} else test.skip('no QuickJS here: `npm run build:static` gets it', () => {})
