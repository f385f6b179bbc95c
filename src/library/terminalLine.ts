import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { HostError } from '../errors.ts'

/** The way by which the master of a program's terminal comes here, where one is `wanted`. */
export class TerminalLine implements Disposable {
  readonly #outside: Kernel<'outside'>
  readonly #ends: readonly [Fd<'outside'>, Fd<'outside'>] | undefined

  constructor(outside: Kernel<'outside'>, wanted: boolean | undefined) {
    this.#outside = outside
    if (wanted) this.#ends = outside.socketpair()
  }

  /** What to ask for when the program is made. */
  get request(): { readonly consoleSocket?: number } {
    return this.#ends ? { consoleSocket: this.#ends[1].number } : {}
  }

  /** The descriptor of the master, which the caller owns; to be called when the program is made. Errors: HostError. */
  receive(): number | undefined {
    if (this.#ends === undefined) return undefined
    const [ours, theirs] = this.#ends
    theirs.close() // so that this ends if nothing was sent
    const master = this.#outside.receiveDescriptor(ours, 'terminal')
    if (master === undefined) throw new HostError('the terminal got lost: is the limit of open files reached?')
    return master.take().number
  }

  [Symbol.dispose](): void {
    for (const end of this.#ends ?? []) end.close()
  }
}
