import type { Calls, Result } from './kernels/machine.ts'

/**
 * A descriptor with an owner. `using fd = kernel.openat2(...)` closes it at the end of the block; `take()` moves
 * ownership elsewhere. In the executor the number may not be known yet: it is filled in by the executor itself.
 */
export class Fd {
  readonly result: Result
  /** What it was opened for, as messages name it. */
  readonly subject: string
  #kernel: Calls
  #open = true

  constructor(kernel: Calls, result: Result, subject: string) {
    this.#kernel = kernel
    this.result = result
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
    if (this.result.known !== false && !this.exists) return
    this.#kernel.later({ name: 'close', args: [this], tolerate: 'any' })
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** Descriptors with one owner, closed together: `using fds = new Fds()` and `fds.keep(kernel.openat(...))`. */
export class Fds {
  #fds: Fd[] = []

  keep(fd: Fd): Fd {
    this.#fds.push(fd)
    return fd
  }

  /** Gives up ownership of all. */
  take(): void {
    this.#fds = []
  }

  [Symbol.dispose](): void {
    for (const fd of this.#fds.reverse()) fd.close()
  }
}
