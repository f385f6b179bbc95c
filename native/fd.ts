import { STDERR_FILENO, STDIN_FILENO, STDOUT_FILENO } from './abi/fcntl.ts'
import { knownResult, type Result } from './kernels/result.ts'

/** Whose descriptors these are: of this process, or of an executor. */
export type Side = 'outside' | 'inside'

/** The standard input, output and error. */
export const STDIO = [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] as const

/** From here on it pays to sort descriptors before they are closed. */
const MANY = 64

/** Whoever opened a descriptor, and closes it: of machine.ts's Calls what that takes. */
interface Closer<S extends Side> {
  readonly side: S
  readonly lacking: { has(name: 'close_range'): boolean }
  later(call: {
    readonly name: 'close' | 'close_range'
    readonly args: readonly (Fd | number)[]
    readonly tolerate: 'any'
  }): unknown
}

/**
 * A descriptor with an owner. `using fd = kernel.openat2(...)` closes it at the end of the block; `take()` moves
 * ownership elsewhere. In the executor the number may not be known yet: it is filled in by the executor itself.
 */
// biome-ignore lint/suspicious/noExplicitAny: who does not say which process it is about takes the descriptors of any
export class Fd<S extends Side = any> {
  readonly result: Result
  readonly side: S
  /** What it was opened for, as messages name it. */
  readonly subject: string
  #kernel: Closer<S>
  #open = true

  /** The result of the call that opens it, or its number. */
  constructor(kernel: Closer<S>, result: Result | number, subject: string) {
    this.#kernel = kernel
    this.side = kernel.side
    this.result = typeof result === 'number' ? knownResult(result) : result
    this.subject = subject
  }

  /** The number; makes the executor do what is queued when it is not known yet. */
  get number(): number {
    return this.result.value
  }

  /** Was it opened? False after an errno that the call tolerates. */
  get exists(): boolean {
    return this.result.value >= 0
  }

  /** Gives up ownership: somebody else closes it, or an execve does. */
  take(): this {
    this.#open = false
    return this
  }

  /** Errors of close(2) are of no use to anybody: the descriptor is gone in every case. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    if (this.result.known !== undefined && !this.exists) return
    this.#kernel.later({ name: 'close', args: [this], tolerate: 'any' })
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Closes all of them, many with one call where their numbers follow each other. */
  static closeAll(fds: readonly Fd[]): void {
    if (
      fds.length < MANY ||
      fds[0]!.#kernel.lacking.has('close_range') ||
      fds.some(({ result }) => result.known === undefined)
    ) {
      for (const fd of fds) fd.close()
      return
    }
    const open = fds.filter(fd => fd.#open && fd.exists).sort((a, b) => a.number - b.number)
    for (const fd of open) fd.#open = false
    for (let from = 0, to = 0; from < open.length; from = to) {
      const [first, kernel] = [open[from]!.number, open[from]!.#kernel]
      for (to = from + 1; to < open.length && open[to]!.number === first + to - from; ) to++
      kernel.later({ name: 'close_range', args: [first, first + to - from - 1, 0], tolerate: 'any' })
    }
  }
}

/** Descriptors with one owner, closed together: `using fds = new Fds()` and `fds.keep(kernel.openat(...))`. */
export class Fds {
  #fds: Fd[] = []

  keep<S extends Side>(fd: Fd<S>): Fd<S> {
    this.#fds.push(fd)
    return fd
  }

  /** Gives up ownership of all. */
  take(): void {
    this.#fds = []
  }

  [Symbol.dispose](): void {
    Fd.closeAll(this.#fds.reverse())
  }
}
