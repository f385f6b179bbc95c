import type { Readable, Writable } from 'node:stream'
import { SIGKILL } from '../../native/abi/signal.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import type { Resources } from '../../spec/generated/config.ts'
import { outOfMemory } from '../cgroup/outOfMemory.ts'
import { openWatch, watchContainer } from '../container/events.ts'
import { killContainer } from '../container/kill.ts'
import type { Difference } from '../container/update.ts'
import { exitStatus, openInit } from '../container/wait.ts'
import type { Drift } from '../diagnose/drift/drift.ts'
import type { Inspection } from '../diagnose/inspect.ts'
import { doing, Failure } from '../errors.ts'
import type { ContainerEvent } from '../kernel/cgroupEvents.ts'
import type { ContainerState } from '../state/ociState.ts'
import { checkChanges, environmentOf } from './check/changes.ts'
import { checkArgument, checkOptions, kinds } from './check/options.ts'
import { CHECKPOINT_OPTIONS, EXEC_OPTIONS } from './check/tables.ts'
import { localRuntime } from './local.ts'
import type { CheckpointOptions, ExecOptions, ExitResult, TerminalSize } from './options.ts'
import { exitResult, numberOf, Program, readStatus } from './program.ts'
import { withStdio } from './stdio.ts'
import { disposableEverywhere } from './symbols.ts'
import type { Terminal } from './terminal.ts'
import { type CallOptions, inThread } from './threads.ts'

/** How often numbers are told, in milliseconds, unless the caller says otherwise. */
const INTERVAL_MS = 5000

/**
 * A container. It lives on when this process ends, as one of the command does; what keeps the process alive is a wait, or a
 * stream that is read. At the end of an `await using` it is killed and removed.
 */
export class Container implements AsyncDisposable {
  /** Its name among the containers of the runtime. */
  readonly id: string
  readonly #call: CallOptions
  readonly #program: Program | undefined
  /** Others that were started in it, until nothing of them is left. */
  readonly #others = new Set<Program>()
  readonly #signal: AbortSignal | undefined
  readonly #abort = () => {
    this.#removal = this.delete({ force: true }).catch((error: unknown) => this.#call.warn(`${error}`))
  }
  /** The end of it after its signal was aborted. */
  #removal: Promise<void> | undefined
  #deleted = false

  /** @internal */
  constructor(id: string, call: CallOptions, program?: Program, signal?: AbortSignal) {
    this.id = id
    this.#call = call
    this.#program = program
    this.#signal = signal
    signal?.addEventListener('abort', this.#abort)
  }

  /** Where to write what the program reads; null unless it is a pipe of this process. */
  get stdin(): Writable | null {
    return this.#program?.stdin ?? null
  }

  /** What the program writes; null unless it is a pipe of this process. */
  get stdout(): Readable | null {
    return this.#program?.stdout ?? null
  }

  /** As `stdout`, what the program writes to its standard error. */
  get stderr(): Readable | null {
    return this.#program?.stderr ?? null
  }

  /** Its terminal; null unless it was made with one here. */
  get terminal(): Terminal | null {
    return this.#program?.terminal ?? null
  }

  /**
   * Starts the program; resolves when it runs. Rejects with a StateError unless the container is `created`, with a
   * KernelError when the program can not be executed. A failing poststart hook removes the container.
   */
  async start(): Promise<void> {
    await this.#unlessAborted(inThread(this.#call, 'start', () => [this.id]))
  }

  /**
   * Waits until the program has ended. `signal` gives up the wait and leaves the container as it is. How a program ended whose
   * container another process has created is not always to be known: then code and signal are both null.
   */
  async wait(options: { readonly signal?: AbortSignal } = {}): Promise<ExitResult> {
    checkOptions('wait', options, { signal: kinds.signal })
    const { signal } = options
    const waiting = this.#program?.wait(signal ? { signal } : {}) ?? this.#waitForOther(signal)
    return await this.#unlessAborted(waiting)
  }

  async #waitForOther(signal: AbortSignal | undefined): Promise<ExitResult> {
    const runtime = localRuntime(this.#call.settings, signal)
    const { outside, host } = runtime
    const { record, pidfd } = doing(`wait for \`${this.id}\``, () => openInit(runtime, this.id))
    using _ = pidfd
    if (pidfd !== undefined) await host.poll([{ fd: pidfd.number, events: POLLIN }], -1)
    const oom = record.cgroup !== undefined && outOfMemory(outside, record.cgroup) !== undefined
    const status = exitStatus(outside, record, pidfd)
    return exitResult(status === undefined ? { code: record.exitCode } : readStatus(status), oom)
  }

  /**
   * Runs another program in the container; resolves when it runs. As long as it does, it keeps this process alive. Rejects with a StateError when the container has stopped or
   * is paused, with a UsageError or ConfigError for options that make no sense, with a KernelError.
   */
  async exec(args: readonly string[], options: ExecOptions = {}): Promise<Program> {
    checkArgument('exec', 'the command', args, kinds.texts)
    checkOptions('exec', options, EXEC_OPTIONS)
    const { stdin, stdout, stderr, terminal, cgroup, signal, env, ...others } = options
    const changes = { ...others, args, env: environmentOf(env), ...terminalChanges(terminal) }
    checkChanges('exec', changes)
    signal?.throwIfAborted()
    const program = await withStdio(options, async open => {
      const executed = inThread({ ...this.#call, signal }, 'exec', () => {
        const stdio = open().descriptors
        return [{ id: this.id, changes, cgroup, stdio }]
      })
      return new Program(await this.#unlessAborted(executed), open(), signal)
    })
    for (const other of this.#others) if (other.isOver) this.#others.delete(other)
    this.#others.add(program)
    // Its zombie would keep the container's first process from ending, see zap_pid_ns_processes() of the kernel.
    const ended = program.wait()
    ended.catch(() => {}) // told to those who wait
    if (signal?.aborted) await ended // killed, which throws the reason
    return program
  }

  /**
   * Sends a signal to the first process, by name or number, or to all processes of the container. Throws a StateError when it
   * has stopped.
   */
  async kill(signal: NodeJS.Signals | number = 'SIGTERM', options: { readonly all?: boolean } = {}): Promise<void> {
    checkOptions('kill', options, { all: kinds.flag })
    const { all = false } = options
    const number = numberOf(signal)
    // Here and now: all threads may be busy with what this is to end.
    doing(`kill \`${this.id}\``, () => killContainer(localRuntime(this.#call.settings), this.id, number, all))
  }

  /**
   * What happens to the container until it has stopped: its numbers every `interval` milliseconds, pauses, limits that are
   * met, processes that the kernel kills for lack of memory, and last its exit. `signal` ends it with a rejection.
   */
  async *events(
    options: { readonly interval?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ContainerEvent, void, void> {
    checkOptions('events', options, { interval: kinds.count, signal: kinds.signal })
    const { interval = INTERVAL_MS, signal } = options
    const over = new AbortController()
    const abort = () => over.abort(signal!.reason)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort()
    const runtime = localRuntime(this.#call.settings, over.signal)
    const watch = doing(`events of \`${this.id}\``, () => openWatch(runtime, this.id))
    const pending: ContainerEvent[] = []
    let wake = () => {}
    let ended = false
    const watching = watchContainer(runtime, watch, interval, event => {
      pending.push(event)
      wake()
    }).finally(() => {
      ended = true
      wake()
    })
    watching.catch(() => {}) // told below
    try {
      while (!ended || pending.length > 0) {
        const event = pending.shift()
        if (event !== undefined) yield event
        else
          await new Promise<void>(resolve => {
            wake = resolve
          })
      }
      await watching
    } finally {
      signal?.removeEventListener('abort', abort)
      over.abort()
    }
  }

  /** Stops all its processes until it is resumed. Rejects with a StateError when it has stopped or is paused already. */
  async pause(): Promise<void> {
    await inThread(this.#call, 'pause', () => [this.id])
  }

  /** Lets the processes of the paused container go on. Rejects with a StateError when it is not paused. */
  async resume(): Promise<void> {
    await inThread(this.#call, 'resume', () => [this.id])
  }

  /**
   * Changes its limits, all or none, and resolves to what has changed, or would with `dryRun`. Rejects with a ConfigError for
   * values that make no sense, with a HostError for what this host can not limit.
   */
  async update(resources: Resources, options: { readonly dryRun?: boolean } = {}): Promise<readonly Difference[]> {
    checkArgument('update', 'the resources', resources, kinds.object)
    checkOptions('update', options, { dryRun: kinds.flag })
    const { dryRun = false } = options
    return await inThread(this.#call, 'update', () => [this.id, resources, dryRun])
  }

  /** The process ids of all that runs in it, as this process sees them. */
  async pids(): Promise<readonly number[]> {
    return await inThread(this.#call, 'pids', () => [this.id])
  }

  /**
   * Writes the state of it, running or paused, into a directory, from which {@link Runtime.restore} makes a container that
   * goes on from there. It is gone afterwards, unless it is left running. Rejects with a StateError, a UsageError, or a
   * HostError with what CRIU says; then it goes on as if nothing had been.
   */
  async checkpoint(options: CheckpointOptions): Promise<void> {
    checkOptions('checkpoint', options, CHECKPOINT_OPTIONS)
    checkArgument('checkpoint', 'imagePath', options.imagePath, kinds.text)
    this.#program?.settle()
    await this.#unlessAborted(inThread(this.#call, 'checkpoint', () => [{ ...options, id: this.id }]))
    if (!options.leaveRunning && !options.preDump) this.#isGone()
  }

  /** All about it as the kernel has it. Rejects with a StateError when there is none. */
  async inspect(): Promise<Inspection> {
    return await inThread(this.#call, 'inspect', () => [this.id])
  }

  /** How it differs from what its configuration and updates have made of it. Rejects with a StateError unless it runs. */
  async drift(): Promise<Drift> {
    return await inThread(this.#call, 'drift', () => [this.id])
  }

  /** Its state. Rejects with a StateError when it does not exist. */
  async state(): Promise<ContainerState> {
    return await inThread(this.#call, 'state', () => [this.id])
  }

  /**
   * Removes it. Rejects with a StateError when it runs and `force` is not given, or when there is none; with `force` it is
   * killed first, and one that does not exist is fine. What it has written and nobody has begun to read is lost.
   */
  async delete(options: { readonly force?: boolean } = {}): Promise<void> {
    checkOptions('delete', options, { force: kinds.flag })
    const { force = false } = options
    this.#program?.settle() // as long as its cgroup can tell of it
    if (force) this.#killNow()
    await inThread(this.#call, 'delete', () => [this.id, force])
    this.#isGone()
  }

  #isGone(): void {
    this.#deleted = true
    this.#signal?.removeEventListener('abort', this.#abort)
    for (const program of [this.#program, ...this.#others]) program?.forget()
  }

  /** Here: all threads may be busy with containers that hang, and this is what ends that. */
  #killNow(): void {
    try {
      killContainer(localRuntime(this.#call.settings), this.id, SIGKILL, false)
    } catch (error) {
      if (!(error instanceof Failure)) throw error // what else can be done is up to delete
    }
  }

  /** Kills and removes it, unless that is done already. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#removal
    if (!this.#deleted) await this.delete({ force: true })
  }

  /** What `work` comes to, unless the container was ended by its signal meanwhile. */
  async #unlessAborted<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } finally {
      this.#program?.settle()
      if (this.#removal) {
        await this.#removal
        // biome-ignore lint/correctness/noUnsafeFinally: whatever came of it, this is why
        throw this.#signal!.reason
      }
    }
  }
}

disposableEverywhere(Container.prototype)

/** What a terminal means for a process. */
export function terminalChanges(terminal: boolean | TerminalSize | undefined) {
  return {
    terminal: Boolean(terminal),
    consoleSize: typeof terminal === 'object' ? { width: terminal.columns, height: terminal.rows } : undefined,
  }
}
