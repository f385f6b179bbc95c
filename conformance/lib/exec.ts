// `exec` in the containers of the tests.

import { existsSync, readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { type Container, command, oci } from './container.ts'
import { type Result, type RunOptions, run } from './run.ts'
import { isTsrun, type Kind, runtime } from './runtime.ts'

type Target = Pick<Container, 'id'>

/** One exec to its end. */
export function exec(
  { id }: Target,
  words: readonly string[],
  flags: readonly string[] = [],
  options?: RunOptions,
): Result {
  return oci(['exec', ...flags, id, ...words], options)
}

/** Runs a shell script in a container that must succeed, and gives its trimmed output. */
export function look(target: Target, script: string, ...flags: string[]): string {
  const { status, signal, stdout, stderr } = exec(target, ['sh', '-c', script], flags)
  if (status === 0) return stdout.trim()
  throw new Error(`${script}: ${signal ?? `exit code ${status}`}\n${stdout}${stderr}`)
}

/** An exec by a shell that first does something with its own descriptors or environment: `exec 5<file`, say. */
export function execAfter({ id }: Target, preparation: string, words: readonly string[], flags: string[] = []): Result {
  return run(['sh', '-c', `${preparation}\nexec "$@"`, 'sh', ...command('exec', ...flags, id, ...words)])
}

/**
 * The exec failed before there was a program: 255 as of runc, and from tsrun one line that has these words. The peers have
 * words of their own; `lenient` ones accept what is wrong here.
 */
export function expectNoProgram(result: Result, words: RegExp, ...lenient: Kind[]): void {
  if (lenient.includes(runtime.kind)) return
  expect(result.signal).toBeNull()
  expect(result.status).toBe(runtime.kind === 'crun' ? 1 : 255)
  expect(result.stdout).toBe('')
  expect(result.stderr).not.toBe('')
  if (!isTsrun) return
  expect(result.stderr).toMatch(words)
  expect(result.stderr).toMatch(/^tsrun: [^\n]+[^.\n]\n$/)
}

/** The directory of a process's cgroup in the v2 tree. */
export function cgroupOf(pid: number): string {
  const relative = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))![1]!
  return ['/sys/fs/cgroup/unified', '/sys/fs/cgroup']
    .map(mount => mount + relative)
    .find(path => existsSync(`${path}/cgroup.procs`))!
}
