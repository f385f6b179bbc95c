// Running programs and looking at what they left: status, output, time.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** How many times longer than on a host things may take: an emulated machine is slow, one that others slow down still more. */
export const PATIENCE = Number(process.env['TSRUN_PATIENCE'] ?? (process.env['TSRUN_VM'] ? 6 : 1))

/** Milliseconds after which a program is ended. */
export const LONGEST = 60_000 * PATIENCE

export interface Result {
  /** The exit code, or null when a signal ended it. */
  status: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  cwd?: string
  env?: Record<string, string | undefined>
  /** Bytes or text for stdin; /dev/null when absent. */
  input?: string | Buffer
  timeout?: number
}

/**
 * Runs a command to its end. Output goes through files, not pipes: a detached container that inherits them may live on
 * without holding up the caller.
 */
export function run(command: readonly string[], options: RunOptions = {}): Result {
  const directory = mkdtempSync(join(tmpdir(), 'run-'))
  const out = openSync(join(directory, 'out'), 'w+')
  const err = openSync(join(directory, 'err'), 'w+')
  try {
    const { status, signal, error } = spawnSync(command[0]!, command.slice(1), {
      ...options,
      timeout: options.timeout ?? LONGEST,
      killSignal: 'SIGKILL',
      stdio: [options.input === undefined ? 'ignore' : 'pipe', out, err],
    })
    if (error !== undefined && status === null && signal === null) throw error
    const [stdout, stderr] = ['out', 'err'].map(name => readFileSync(join(directory, name), 'utf8'))
    return { status, signal, stdout: stdout ?? '', stderr: stderr ?? '' }
  } finally {
    closeSync(out)
    closeSync(err)
    rmSync(directory, { recursive: true })
  }
}

/** Runs a command that must succeed and gives its output. */
export function must(command: readonly string[], options: RunOptions = {}): string {
  const { status, signal, stdout, stderr } = run(command, options)
  if (status === 0) return stdout
  throw new Error(`${command.join(' ')}: ${signal ?? `exit code ${status}`}\n${stdout}${stderr}`)
}

export interface Running {
  child: ChildProcess
  /** Settles with the first output on stdout; an error with stderr's text when the program ends without any. */
  speaks: Promise<void>
  done: Promise<Result>
}

/** How long output may still come after a program has ended. */
const PIPES_MILLISECONDS = 2000

/** Starts a command and lets the test go on; `done` settles when it has ended and its pipes are closed. */
export function launch(command: readonly string[], options: Omit<RunOptions, 'input'> = {}): Running {
  const child = spawn(command[0]!, command.slice(1), {
    ...options,
    timeout: options.timeout ?? LONGEST,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', data => (stdout += data))
  child.stderr.on('data', data => (stderr += data))
  const done = new Promise<Result>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => resolve({ status, signal, stdout, stderr }))
    // A container that outlives a killed runtime holds the pipes; the test is to fail, not to wait for it.
    child.on('exit', () =>
      setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      }, PIPES_MILLISECONDS).unref(),
    )
  })
  const speaks = new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    child.on('close', () => reject(new Error(`${command.join(' ')}: ended without a word on stdout: ${stderr}`)))
  })
  speaks.catch(() => {}) // not everybody asks
  return { child, speaks, done }
}

/** Sleeps without an event loop. */
export function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/** Waits until `check` gives something true, and gives that; an error that says what was awaited otherwise. */
export function eventually<T>(what: string, check: () => T, timeout = 10_000 * PATIENCE): NonNullable<T> {
  const end = Date.now() + timeout
  for (;;) {
    const value = check()
    if (value) return value
    if (Date.now() > end) throw new Error(`waited ${timeout} ms for ${what}`)
    sleep(20)
  }
}
