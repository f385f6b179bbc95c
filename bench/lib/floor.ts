import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Subject } from './results.ts'

/** The C program that makes the same container with all answers known beforehand; see bench/floor.c. */
export interface Floor {
  readonly subject: Subject
  /** The words that run `program` in a container, /bin/true by default. */
  command(bundle: string, id: string, program?: readonly string[]): string[]
}

const SOURCE = fileURLToPath(new URL('../floor.c', import.meta.url))

/** Compiles it, statically. `say` hears why there is none. */
export function buildFloor(directory: string, state: string, say: (text: string) => void): Floor | undefined {
  const path = join(directory, 'floor')
  const { error, status, stderr } = spawnSync('cc', ['-O2', '-static', '-o', path, SOURCE], { encoding: 'utf8' })
  if (error !== undefined || status !== 0) {
    say(
      `the floor is left out: ${error === undefined ? `cc fails: ${stderr.trim().split('\n')[0]}` : 'there is no cc'}`,
    )
    return undefined
  }
  const root = join(state, 'floor')
  mkdirSync(root, { recursive: true })
  return {
    subject: { name: 'floor', label: 'floor (C, no decisions)', kind: 'bound' },
    command: (bundle, id, program = []) => [path, bundle, root, id, ...program],
  }
}
