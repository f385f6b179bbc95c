import {
  AT_FDCWD,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDWR,
  O_WRONLY,
  STDIN_FILENO,
  STDOUT_FILENO,
} from '../../native/abi/fcntl.ts'
import { SIGCONT, SIGPIPE, SIGTSTP, SIGWINCH } from '../../native/abi/signal.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import { endOfInput, plainNewlines } from '../../native/calls/terminal.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Runtime } from '../runtime.ts'
import { Flow } from './flow.ts'
import { OwnTerminal } from './ownTerminal.ts'
import type { Watch } from './watch.ts'

/** How often to look whether somebody has opened a terminal again that nobody had open any more. */
const RETRY_MS = 100

/**
 * Joins our standard streams to the terminal of a program that runs in the foreground. Does nothing until `begin`, and
 * leaves our own terminal as it was, however it ends: `using terminal = new ForegroundTerminal(runtime)`, `begin` with the
 * master just before the program starts, then catchSignals() with `terminal` true, and awaitExit() with this.
 */
export class ForegroundTerminal implements Disposable {
  readonly #runtime: Runtime
  readonly #own: OwnTerminal
  readonly #fds = new Fds()
  #master: Fd<'outside'> | undefined
  #input: Flow | undefined
  #output: Flow | undefined
  /** There is nothing more to read for `#input`. */
  #inputEnded = false
  /** Nobody has the container's end open at the moment. */
  #deserted = false

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#own = new OwnTerminal(runtime.outside, typed => this.#input?.add(typed))
  }

  /**
   * The master of the program's terminal, which this closes in the end. Our own terminal is raw from here on, or, in the
   * background, from where nobody waits for us: while we are stopped there, for others the container is as usable as ever.
   */
  begin(master: Fd<'outside'>): void {
    const { outside } = this.#runtime
    this.#master = this.#fds.keep(master)
    outside.setStatusFlags(master, O_RDWR | O_NONBLOCK)
    this.#input = new Flow(outside, STDIN_FILENO, master)
    this.#output = new Flow(outside, master, this.#openOutput(master))
    this.#resize()
    if (this.#own.isOurs()) this.#own.enterRaw()
  }

  /** Copies both ways, passes signals on, and does what `others` want, until the program has ended and all that it wrote is written. */
  async relay(pidfd: Fd<'outside'>, signals: number | undefined, others: readonly Watch[] = []): Promise<void> {
    this.#own.enterRaw()
    const toProgram = this.#onSignals(signals, signal => this.#runtime.outside.signal(pidfd, signal))
    let ended = false
    const end = {
      poll: { fd: pidfd.number, events: POLLIN },
      react: () => {
        ended = true
      },
    }
    while (!ended) await this.#wait([...toProgram, ...this.#flows(), ...others, end], this.#deserted ? RETRY_MS : -1)
    await this.#drain(signals)
    this[Symbol.dispose]()
  }

  /** Our own terminal is as it was, and the program's has hung up. */
  [Symbol.dispose](): void {
    this.#own.restore()
    this.#hangUp()
  }

  async #wait(watches: readonly Watch[], timeoutMs: number): Promise<void> {
    const polls = watches.map(({ poll }) => poll)
    const events = await this.#runtime.host.poll(polls, timeoutMs)
    this.#deserted = false
    watches.forEach((watch, i) => {
      if (events[i] !== 0) watch.react()
    })
  }

  #flows(): Watch[] {
    const input = this.#inputEnded && !this.#input?.isFull ? undefined : this.#input
    const output = this.#output
    if (this.#deserted) return []
    return [
      ...(input ? [{ poll: input.next, react: () => this.#stepInput(input) }] : []),
      ...(output ? [{ poll: output.next, react: () => this.#stepOutput(output) }] : []),
    ]
  }

  #stepInput(input: Flow): void {
    if (!input.isFull) this.#own.enterRaw() // a shell may have brought us to the foreground without a signal
    switch (input.step()) {
      case 'ended':
        this.#endInput(input)
        break
      case 'lost': // nobody will read it: the program has ended, which we are about to hear
        this.#input = undefined
        break
    }
  }

  #stepOutput(output: Flow): void {
    if (this.#output === undefined) return // the input has just ended all
    const progress = output.step()
    if (progress === 'ended') this.#deserted = true
    if (progress === 'lost') this.#hangUp() // as for a program on a real terminal that goes away
  }

  /**
   * The end of a file or pipe is told as one tells it at a terminal, when the program reads line by line: a second time
   * when the first only ends a line. Of a terminal of our own it is the end as well.
   */
  #endInput(input: Flow): void {
    this.#inputEnded = true
    if (this.#own.wasInput) {
      // Else we are in the background of a session without a shell, where reading fails.
      if (!this.#own.isInput) this.#hangUp()
      return
    }
    const end = this.#master && this.#runtime.outside.termios(this.#master)
    const character = end && endOfInput(end)
    if (character === undefined) return
    const inLine = input.last !== undefined && input.last !== 0x0a
    input.add(Uint8Array.from(inLine ? [character, character] : [character]))
  }

  /** What to do with signals, when they are caught. */
  #onSignals(signals: number | undefined, pass: (signal: number) => void): Watch[] {
    if (signals === undefined) return []
    const react = () => {
      for (const signal of this.#runtime.outside.read(signals, 64)) this.#onSignal(signal, pass)
    }
    return [{ poll: { fd: signals, events: POLLIN }, react }]
  }

  #onSignal(signal: number, pass: (signal: number) => void): void {
    switch (signal) {
      case SIGWINCH:
        this.#resize()
        break
      case SIGTSTP:
        this.#own.stop()
        this.#resize()
        break
      case SIGCONT:
        this.#own.continued()
        this.#resize()
        break
      case SIGPIPE: // our own stdout; the write has told
        break
      default:
        pass(signal)
    }
  }

  /**
   * What the program wrote before it ended is there: read(2) of a master waits for what is on its way. Whoever sends a
   * signal now does not want to wait for a reader that takes its time.
   */
  async #drain(signals: number | undefined): Promise<void> {
    const output = this.#output
    let impatient = false
    const hurry = this.#onSignals(signals, () => {
      impatient = true
    })
    while (output !== undefined && !impatient) {
      if (output.isFull) await this.#wait([...hurry, { poll: output.next, react: () => {} }], -1)
      if (!impatient && output.step() !== 'moved') return
    }
  }

  /** The program's terminal gets the size of ours, when that has one. */
  #resize(): void {
    const size = this.#own.size()
    if (size !== undefined && this.#master !== undefined) this.#runtime.outside.setWindowSize(this.#master, size)
  }

  /** The program gets SIGHUP, if it is there still. */
  #hangUp(): void {
    this.#input = undefined
    this.#output = undefined
    this.#master = undefined
    this.#fds[Symbol.dispose]()
  }

  /**
   * Where output goes. Writing to a slow terminal must not keep us from signals and input, so it is opened once more, not
   * to change how others see it; to a pipe of any speed a piece is written at once (see flow.ts).
   */
  #openOutput(master: Fd<'outside'>): Fd<'outside'> | number {
    const { outside } = this.#runtime
    if (outside.windowSize(STDOUT_FILENO) === undefined) {
      keepNewlines(outside, master)
      return STDOUT_FILENO
    }
    const flags = O_WRONLY | O_NONBLOCK | O_NOCTTY
    // After `su` the terminal is another user's.
    const again = outside.openat(AT_FDCWD, `/proc/self/fd/${STDOUT_FILENO}`, flags, 0, 'any')
    return again.exists ? this.#fds.keep(again) : STDOUT_FILENO
  }
}

/** What reads a pipe or file wants lines as the program wrote them, as from a program without a terminal; runc does so, too. */
function keepNewlines(outside: Kernel<'outside'>, master: Fd<'outside'>): void {
  const termios = outside.termios(master)
  if (termios !== undefined) outside.setTermios(master.number, plainNewlines(termios))
}
