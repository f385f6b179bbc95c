// One temporary directory per test file, with the runtime's state root in it. Everything a file makes carries its tag,
// so that what is left over can be told from what else happens on the machine.

import { mkdirSync, rmSync } from 'node:fs'
import { afterAll, beforeAll } from 'vitest'

export const tag = `t${process.pid.toString(36)}${Date.now().toString(36).slice(-4)}`

/** Short on purpose: a socket's path may have 108 bytes. Readable by everyone, for the unprivileged user. */
export const sceneDirectory = `/tmp/scene-${tag}`
export const stateRoot = `${sceneDirectory}/state`

// Neither hook runs when every test of a file is skipped.
beforeAll(() => {
  mkdirSync(sceneDirectory, { mode: 0o755 })
})
afterAll(() => rmSync(sceneDirectory, { recursive: true, force: true }))

let count = 0

/** A name that no other test of any file has. */
export function fresh(kind = 'c'): string {
  count += 1
  return `${tag}-${kind}${count}`
}

const work: (() => void)[] = []

/** Has the end of the running test do this; newest first. Needs `leavesNothing()` in the file. */
export function later(task: () => void): void {
  work.push(task)
}

/** Does what `later` collected. A task that fails does not keep the others from running. */
export function cleanUp(): void {
  const failures: unknown[] = []
  for (let task = work.pop(); task !== undefined; task = work.pop()) {
    try {
      task()
    } catch (failure) {
      failures.push(failure)
    }
  }
  if (failures.length > 0) throw failures[0]
}
