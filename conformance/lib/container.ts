// Containers as the tests handle them: made, looked at, and taken back when the test ends.

import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bundle, makeBundle } from './bundle.ts'
import type { Config } from './config.ts'
import { eventually, LONGEST, type Result, type RunOptions, run } from './run.ts'
import { runtime } from './runtime.ts'
import { fresh, later, sceneDirectory, stateRoot } from './scene.ts'

export type Change = (config: Config, rootfs: string) => void

export interface State {
  ociVersion: string
  id: string
  status: string
  pid?: number
  bundle: string
  annotations?: Record<string, string>
}

/** The words of a command line of the runtime under test, with the state root of this file. */
export function command(...words: string[]): string[] {
  return [runtime.path, '--root', stateRoot, ...words]
}

/** One call of the runtime, to its end. */
export function oci(words: readonly string[], options: RunOptions = {}): Result {
  return run(command(...words), options)
}

/** Has the test's end remove this container, whatever became of it. */
export function removeLater(id: string): string {
  later(() => {
    if (existsSync(join(stateRoot, id))) oci(['delete', '--force', id])
  })
  return id
}

/** `run` in the foreground: the program's own result. */
export function runBundle(bundle: Bundle, options: RunOptions = {}, flags: string[] = []): Result {
  return oci(['run', ...flags, '--bundle', bundle.directory, removeLater(fresh())], options)
}

/** Runs `args` in a container of the base configuration, changed by `change`. */
export function runArgs(args: string[], change: Change = () => {}, options: RunOptions = {}): Result {
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = args
    change(config, rootfs)
  })
  return runBundle(bundle, options)
}

/** Runs a shell script inside. */
export function runScript(script: string, change: Change = () => {}, options: RunOptions = {}): Result {
  return runArgs(['sh', '-c', script], change, options)
}

/** Runs a shell script inside that must succeed, and gives its trimmed output. */
export function inside(script: string, change: Change = () => {}): string {
  const { status, signal, stdout, stderr } = runScript(script, change)
  if (status === 0) return stdout.trim()
  throw new Error(`${script}: ${signal ?? `exit code ${status}`}\n${stdout}${stderr}`)
}

export interface Container {
  id: string
  bundle: Bundle
  /** What came out of `create`, and later of the program. */
  created: Result
  state(): State
  start(): Result
  kill(...words: string[]): Result
  remove(...flags: string[]): Result
  /** Waits for a status as `state` tells it. */
  until(status: string): State
  /** What the container's program has written up to now, both streams. */
  output(): string
}

/** A container in a state directory; no claim that creating it worked. */
export function tryCreate(bundle: Bundle, flags: string[] = [], id = fresh(), verb = ['create']): Container {
  removeLater(id)
  const outputs = ['out', 'err'].map(name => join(sceneDirectory, `${id}.${name}`))
  const [out, err] = outputs.map(path => openSync(path, 'a+'))
  const words = command(...verb, '--bundle', bundle.directory, ...flags, id)
  const child = spawnSync(words[0]!, words.slice(1), {
    stdio: ['ignore', out!, err!],
    timeout: LONGEST,
    killSignal: 'SIGKILL',
  })
  closeSync(out!)
  closeSync(err!)
  const read = () => outputs.map(path => readFileSync(path, 'utf8'))
  const [stdout, stderr] = read()
  const state = () => stateOf(id)
  return {
    id,
    bundle,
    created: { status: child.status, signal: child.signal, stdout: stdout!, stderr: stderr! },
    state,
    start: () => oci(['start', id]),
    kill: (...rest) => oci(['kill', id, ...rest]),
    remove: (...rest) => oci(['delete', ...rest, id]),
    until: status =>
      eventually(`${id} to be ${status}`, () => {
        const now = state()
        return now.status === status ? now : undefined
      }),
    output: () => read().join(''),
  }
}

/** A created container that waits for `start`. */
export function create(args: string[], change: Change = () => {}, flags: string[] = []): Container {
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = args
    change(config, rootfs)
  })
  const container = tryCreate(bundle, flags)
  if (container.created.status !== 0) throw new Error(`create: ${container.created.stderr}`)
  return container
}

/** A running container that does nothing until a signal ends it. */
export function createRunning(
  change: Change = () => {},
  script = "trap 'exit 0' TERM; while :; do sleep 0.05; done",
): Container {
  const container = create(['sh', '-c', `${script}`], change)
  const started = container.start()
  if (started.status !== 0) throw new Error(`start: ${started.stderr}`)
  return container
}

/** `state` as an object; an error with the runtime's words when there is none. */
export function stateOf(id: string): State {
  const { status, stdout, stderr } = oci(['state', id])
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as State
}
