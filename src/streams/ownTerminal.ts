import { STDIN_FILENO } from '../../native/abi/fcntl.ts'
import { SIGSTOP } from '../../native/abi/signal.ts'
import { rawMode, type Termios, type WindowSize } from '../../native/calls/terminal.ts'
import type { Kernel } from '../../native/kernel.ts'

const STREAMS = [0, 1, 2]

/**
 * The terminal that this process was started from, if any. In raw mode ^C, ^Z and all the rest are bytes for whom they are
 * passed on to; its settings come back with `restore`.
 */
export class OwnTerminal {
  readonly #outside: Kernel<'outside'>
  #saved: Termios | undefined
  #raw = false

  constructor(outside: Kernel<'outside'>) {
    this.#outside = outside
  }

  /** Of the first stream that is a terminal with a size; undefined when none is. */
  size(): WindowSize | undefined {
    for (const stream of STREAMS) {
      const size = this.#outside.windowSize(stream)
      if (size !== undefined && size.rows + size.columns > 0) return size
    }
    return undefined
  }

  /** Did input come from a terminal when we began? */
  get wasInput(): boolean {
    return this.#saved !== undefined
  }

  /** Does input come from a terminal that is still there? */
  get isInput(): boolean {
    return this.#outside.termios(STDIN_FILENO) !== undefined
  }

  /** Raw mode, when input comes from a terminal. In the background the kernel stops us until we are in the foreground. */
  enterRaw(): void {
    if (this.#raw) return
    this.#saved ??= this.#outside.termios(STDIN_FILENO)
    if (this.#saved === undefined) return
    this.#outside.setTermios(STDIN_FILENO, rawMode(this.#saved))
    this.#raw = true
  }

  /** The settings of before. Who uses the terminal while we are in the background has set it up for itself. */
  restore(): void {
    if (this.#raw && this.isOurs()) this.#outside.setTermios(STDIN_FILENO, this.#saved!)
    this.#raw = false
  }

  /** Stops this process as its shell expects it of a program. Returns when somebody has continued it. */
  stop(): void {
    this.restore()
    this.#outside.now({ name: 'kill', args: [this.#outside.getpid(), SIGSTOP] })
    this.continued()
  }

  /** Somebody has continued this process, after a shell had the terminal perhaps. */
  continued(): void {
    this.#raw = false
    if (this.isOurs()) this.enterRaw()
  }

  /** Is nobody else in the foreground? Of a terminal that is not our session's nobody is. */
  isOurs(): boolean {
    const group = this.#outside.foregroundGroup(STDIN_FILENO)
    return group === undefined || group === this.#outside.processGroup()
  }
}
