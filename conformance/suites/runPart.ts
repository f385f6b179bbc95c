import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome } from './table.ts'
import { readTap } from './tap.ts'

/** One part of a suite on one runtime. */
interface Part {
  /** A script of this folder, and what it gets; it prints TAP. */
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** The name of the file below `logs`, when that is given, for what it says. */
  readonly log: string
  readonly logs: string | undefined
}

export interface PartRun {
  readonly tap: Outcome
  /** Null after a signal. */
  readonly status: number | null
  readonly signal: string | null
}

export function runPart({ words, env, log, logs }: Part): PartRun {
  const { stdout, stderr, status, signal } = spawnSync('sh', words, {
    env: { PATH: process.env['PATH'], HOME: '/root', ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  if (logs !== undefined) {
    mkdirSync(logs, { recursive: true })
    writeFileSync(join(logs, log), `${stdout}${stderr}`)
  }
  return { tap: readTap(stdout), status, signal }
}
