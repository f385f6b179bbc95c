import type { Readable, Writable } from 'node:stream'
import { POLLIN } from '../../native/abi/socket.ts'
import type { Exit } from '../../native/calls/process.ts'
import type { Fd } from '../../native/fd.ts'
import { outOfMemory } from '../cgroup/outOfMemory.ts'
import { Failure, StateError, UsageError } from '../errors.ts'
import { signalName, signalNumber } from '../plan/process/signals.ts'
import { here } from './local.ts'
import type { MadeProcess } from './operations.ts'
import type { ExitResult, Output } from './options.ts'
import { collect, type OpenStdio } from './stdio.ts'

/** What is collected of each stream unless the caller says otherwise, as in child_process. */
const MAX_OUTPUT = 1024 * 1024

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
  constructor({ pid, cgroup }: MadeProcess, stdio: OpenStdio, signal?: AbortSignal) {
    this.pid = pid
    this.stdin = stdio.stdin
    this.stdout = stdio.stdout
    this.stderr = stdio.stderr
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
   * Waits for the end of the program and of its streams, and collects what is written to those that are `'pipe'`. To be called
   * before somebody else reads them. More than `maxOutput` bytes of one of them kill the program and throw a Failure.
   */
  async output({ maxOutput = MAX_OUTPUT }: { readonly maxOutput?: number } = {}): Promise<Output> {
    let excessive = false
    const tooMuch = () => {
      if (!excessive && this.settle() === undefined) this.kill('SIGKILL')
      excessive = true
    }
    const collected = [this.stdout, this.stderr].map(stream => collect(stream, maxOutput, tooMuch))
    const result = await this.wait()
    const [stdout = '', stderr = ''] = await Promise.all(collected)
    await this.drained()
    if (excessive) throw new Failure(`the program has written more than ${maxOutput} bytes (maxOutput)`)
    return { ...result, stdout, stderr }
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
    return this.settle() !== undefined && (this.stdout?.closed ?? true) && (this.stderr?.closed ?? true)
  }

  /** @internal The container is gone: what nobody has begun to read, nobody will. */
  forget(): void {
    this.settle()
    for (const stream of [this.stdout, this.stderr])
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
