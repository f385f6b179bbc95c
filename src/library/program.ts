import type { Readable, Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { POLLIN } from '../../native/abi/socket.ts'
import type { Exit } from '../../native/calls/process.ts'
import type { Fd } from '../../native/fd.ts'
import { outOfMemory } from '../cgroup/outOfMemory.ts'
import { StateError, UsageError } from '../errors.ts'
import { signalName, signalNumber } from '../plan/process/signals.ts'
import { abortedBy, MaxOutputError } from './aborted.ts'
import { checkOptions } from './check/options.ts'
import { OUTPUT_OPTIONS } from './check/tables.ts'
import { Collection } from './collection.ts'
import { here } from './local.ts'
import type { MadeProcess } from './operations.ts'
import type { ExitResult, Output, OutputOptions } from './options.ts'
import type { OpenStdio } from './stdio.ts'
import type { Terminal } from './terminal.ts'

/** What is collected of each stream unless the caller says otherwise, as in child_process. */
const MAX_OUTPUT = 1024 * 1024
/** What a program that was ended has written is in its pipes, and read within this time; others may hold them open. */
const REST_MS = 100

/** The number of a signal given by name or number. */
export function numberOf(signal: string | number): number {
  const number = signalNumber(`${signal}`)
  if (number === undefined) throw new UsageError(`there is no signal \`${signal}\``)
  return number
}

/** A program that this process has started in a container: its streams, and its end. */
export class Program {
  /** Its process id, as this process sees it. */
  readonly pid: number
  /** Where to write what it reads; null unless the option is `'pipe'`. */
  readonly stdin: Writable | null
  /** What it writes; null unless the option is `'pipe'`. */
  readonly stdout: Readable | null
  /** As `stdout`, what it writes to its standard error. */
  readonly stderr: Readable | null
  /** Its terminal, which takes the place of these; null unless it has one. */
  readonly terminal: Terminal | null
  readonly #stdio: OpenStdio
  readonly #cgroup: string | undefined
  readonly #pidfd: Fd<'outside'>
  readonly #signal: AbortSignal | undefined
  readonly #abort = () => {
    if (this.settle() !== undefined) return
    this.#aborted = true
    this.kill('SIGKILL')
  }
  #aborted = false
  #result: ExitResult | undefined

  /** @internal */
  constructor({ pid, cgroup, terminal }: MadeProcess, stdio: OpenStdio, signal?: AbortSignal) {
    this.pid = pid
    this.stdin = stdio.stdin
    this.stdout = stdio.stdout
    this.stderr = stdio.stderr
    this.terminal = stdio.takeTerminal(terminal)
    this.#stdio = stdio
    this.#cgroup = cgroup
    // Nobody else waits for it, so it is there, if only as a zombie.
    this.#pidfd = here().outside.pidfdOpen(pid, [])
    this.#signal = signal
    signal?.addEventListener('abort', this.#abort)
    if (signal?.aborted) this.#abort()
  }

  /** Sends a signal, by name or number. Throws a StateError when the program has ended. */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): void {
    const number = numberOf(signal)
    if (this.settle() !== undefined || !here().outside.signal(this.#pidfd, number))
      throw new StateError(`process ${this.pid} has ended`)
  }

  /**
   * Waits until it has ended, which does not end this process meanwhile. `signal` gives up the wait, no more. It may be called
   * any number of times, also afterwards. Its streams may still have something to read.
   */
  async wait({ signal }: { readonly signal?: AbortSignal } = {}): Promise<ExitResult> {
    if (this.settle() === undefined) await here().poll([{ fd: this.#pidfd.number, events: POLLIN }], -1, signal)
    const result = this.settle()!
    if (this.#aborted) throw this.#signal!.reason
    return result
  }

  /**
   * Waits for the end of the program and of its streams, and collects what is written to those that are `'pipe'`, or to the
   * terminal. To be called before somebody else reads them. More than `maxOutput` bytes of one of them kill the program and
   * throw a {@link MaxOutputError}; when its signal is aborted, it is an {@link AbortError}. Both have what it has written.
   */
  output(options: OutputOptions & { readonly encoding: 'buffer' }): Promise<Output<Buffer>>
  output(options?: OutputOptions & { readonly encoding?: 'utf8' }): Promise<Output>
  output(options?: OutputOptions): Promise<Output<string | Buffer>>
  async output(options: OutputOptions = {}): Promise<Output<string | Buffer>> {
    checkOptions('output', options, OUTPUT_OPTIONS)
    const { maxOutput = MAX_OUTPUT, encoding } = options
    let excessive = false
    const tooMuch = () => {
      if (!excessive && this.settle() === undefined) this.kill('SIGKILL')
      excessive = true
    }
    const [output, errors] = [this.terminal ?? this.stdout, this.stderr].map(
      stream => new Collection(stream, maxOutput, tooMuch),
    )
    const written = () => ({ stdout: output!.get(encoding), stderr: errors!.get(encoding) })
    const collected = Promise.all([output!.done, errors!.done])
    try {
      const result = await this.wait()
      await collected
      await this.drained()
      if (!excessive) return { ...result, ...written() }
    } catch (error) {
      if (!this.#aborted) throw error
      await Promise.race([collected.catch(() => {}), setTimeout(REST_MS, undefined, { ref: false })])
      throw abortedBy(this.#signal!.reason, written())
    }
    throw new MaxOutputError(maxOutput, written())
  }

  /** @internal All that it has written has arrived where it belongs. */
  async drained(): Promise<void> {
    await Promise.all(this.#stdio.flows)
  }

  /** @internal How it ended; undefined while it runs. Does not wait. */
  settle(): ExitResult | undefined {
    if (this.#result !== undefined) return this.#result
    const { outside } = here()
    const [ended] = outside.poll([{ fd: this.#pidfd, events: POLLIN }], 0)
    if (!ended) return undefined
    const exit = outside.waitPidfd(this.#pidfd)
    this.#result = exitResult(
      exit ?? {},
      this.#cgroup !== undefined && outOfMemory(outside, this.#cgroup) !== undefined,
    )
    this.#pidfd.close()
    this.#stdio.closeInput()
    this.#signal?.removeEventListener('abort', this.#abort)
    return this.#result
  }

  /** @internal It has ended, and all that it has written was read. */
  get isOver(): boolean {
    return (
      this.settle() !== undefined && [this.stdout, this.stderr, this.terminal].every(stream => stream?.closed ?? true)
    )
  }

  /** @internal The container is gone: what nobody has begun to read, nobody will. */
  forget(): void {
    this.settle()
    for (const stream of [this.stdout, this.stderr, this.terminal])
      if (stream && stream.readableFlowing === null && stream.listenerCount('readable') === 0) stream.destroy()
  }
}

/** A code, a signal, or neither when that is not to be known. */
type End = Partial<Pick<Exit, 'code' | 'signal'>>

export function exitResult({ code, signal }: End, oom: boolean): ExitResult {
  return { code: code ?? null, signal: signal === undefined ? null : signalName(signal), oom }
}

/** A status in the form of wait(2). */
export function readStatus(status: number): End {
  const signal = status & 0x7f
  return signal === 0 ? { code: (status >> 8) & 0xff } : { signal }
}
