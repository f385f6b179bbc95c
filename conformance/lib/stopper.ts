// A program in a container that stops all who come into its pid namespace, and looks at what they have.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { makeDirectory } from './bundle.ts'
import { compile } from './compile.ts'
import { grantRights } from './config.ts'
import { type Change, type Container, command, createRunning } from './container.ts'
import { launch, must } from './run.ts'

/** A stopper that loses track of the pids sees nobody; one that begins anew may. */
const STOPPERS = 8

/** Joins a container while a program inside stops every newcomer at once; gives what that has found. */
export async function meetStopper(
  change: Change,
  enter: (container: Container) => void,
  seconds = 4,
): Promise<string[]> {
  const container = createRunning((config, rootfs) => {
    grantRights(config, ['CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE'])
    compile('stopper', join(rootfs, 'stopper'))
    change(config, rootfs)
  }, 'exec sleep 1000')
  const found: string[] = []
  let seen = 0
  for (let tries = 0; seen === 0 && tries < STOPPERS; tries += 1) {
    const lines = await stopNewcomers(container, enter, seconds)
    seen = Number(/^seen (\d+)$/.exec(lines.pop()!)?.[1])
    found.push(...lines)
  }
  expect(seen).toBeGreaterThan(0)
  return [...new Set(found)]
}

/** What a stopper says in that time. */
async function stopNewcomers(
  container: Container,
  enter: (container: Container) => void,
  seconds: number,
): Promise<string[]> {
  const pidFile = join(makeDirectory(), 'pid')
  const { child, speaks, done } = launch(command('exec', '--pid-file', pidFile, container.id, '/stopper', `${seconds}`))
  await speaks
  must(['renice', '-n', '-20', '-p', readFileSync(pidFile, 'utf8')])
  while (child.exitCode === null) {
    enter(container)
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  return (await done).stdout.trim().split('\n').slice(1)
}
