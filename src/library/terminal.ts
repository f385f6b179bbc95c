import { Duplex } from 'node:stream'
import { ReadStream } from 'node:tty'
import { endOfInput } from '../../native/calls/terminal.ts'
import { here } from './local.ts'
import type { TerminalSize } from './options.ts'

/** The terminal of a program: what it gives was written by the program, what is written to it was typed. */
export class Terminal extends Duplex {
  readonly #master: ReadStream
  readonly #descriptor: number
  #lineIsOpen = false

  /** @internal Owns the descriptor, which is the master of a pseudo-terminal. */
  constructor(descriptor: number) {
    super()
    this.#descriptor = descriptor
    this.#master = new ReadStream(descriptor)
    this.#master.on('data', (piece: Buffer) => {
      if (!this.push(piece)) this.#master.pause()
    })
    this.#master.on('end', () => this.push(null))
    this.#master.on('close', () => this.push(null))
    this.#master.on('error', (error: NodeJS.ErrnoException) => {
      // What a master says when nobody has the other end open any more.
      if (error.code === 'EIO') this.push(null)
      else this.destroy(error)
    })
  }

  /** Changes its size; who is in the foreground gets SIGWINCH. */
  resize({ columns, rows }: TerminalSize): void {
    if (!this.destroyed) here().outside.resizeTerminal(this.#descriptor, { columns, rows })
  }

  override _read(): void {
    this.#master.resume()
  }

  override _write(piece: Buffer, _: string, written: (error?: Error | null) => void): void {
    this.#lineIsOpen = piece.at(-1) !== 0x0a
    this.#master.write(piece, error => written(error && isGone(error) ? null : error))
  }

  /** The end is told as one tells it at a terminal, when the program reads line by line: twice where a line has begun. */
  override _final(done: (error?: Error | null) => void): void {
    const termios = here().outside.termios(this.#descriptor)
    const character = termios && endOfInput(termios)
    const count = character === undefined ? 0 : this.#lineIsOpen ? 2 : 1
    this.#master.write(Buffer.alloc(count, character), () => done())
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#master.destroy()
    done(error)
  }
}

/** The program has ended; what it has not read, nobody will. */
function isGone(error: Error): boolean {
  return ['EIO', 'EPIPE', 'ECANCELED'].includes((error as NodeJS.ErrnoException).code ?? '')
}
