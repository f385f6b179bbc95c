import { STDIN_FILENO } from '../../native/abi/fcntl.ts'
import { SIGSTOP } from '../../native/abi/signal.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import { endOfInput, rawMode, type Termios, type WindowSize, withoutEnd } from '../../native/calls/terminal.ts'
import { STDIO } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { Room } from '../../native/struct.ts'

/** What the kernel keeps of a terminal's input, N_TTY_BUF_SIZE. */
const KEPT = 4096

/**
 * The terminal that this process was started from, if any. In raw mode ^C, ^Z and all the rest are bytes for whom they are
 * passed on to; its settings come back with `restore`.
 */
export class OwnTerminal {
  readonly #outside: Kernel<'outside'>
  readonly #typed: (bytes: Uint8Array) => void
  #saved: Termios | undefined
  #raw = false

  /** `typed` gets what was typed before the terminal was raw. */
  constructor(outside: Kernel<'outside'>, typed: (bytes: Uint8Array) => void) {
    this.#outside = outside
    this.#typed = typed
  }

  /** Of the first stream that is a terminal with a size; undefined when none is. */
  size(): WindowSize | undefined {
    for (const stream of STDIO) {
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
    this.#readLines(this.#saved)
    this.#outside.setTermios(STDIN_FILENO, rawMode(this.#saved))
    this.#raw = true
  }

  /**
   * Reads what was typed line by line. The end of input that waits there to be read would be a NUL in raw mode, see
   * n_tty_set_termios(); it becomes the character that was typed. What is typed meanwhile stays what it is.
   */
  #readLines(settings: Termios): void {
    const end = endOfInput(settings)
    if (end === undefined || !this.isOurs()) return
    this.#outside.setTermios(STDIN_FILENO, withoutEnd(settings))
    for (let left = KEPT; left > 0 && this.#hasLine(); ) {
      const piece = new Room(KEPT)
      const read = this.#outside.now({ name: 'read', args: [STDIN_FILENO, piece, KEPT], tolerate: 'any' })
      if (read < 0) return
      this.#typed(read === 0 ? Uint8Array.of(end) : piece.bytes)
      left -= Math.max(read, 1)
    }
  }

  /** Not one that has hung up, which has an end at any time. */
  #hasLine(): boolean {
    return this.#outside.poll([{ fd: STDIN_FILENO, events: POLLIN }], 0)[0] === POLLIN
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
