import type { Readable } from 'node:stream'

/** Collects what a stream gives until its end, as far as it may have. */
export class Collection {
  /** Until the end of the stream. */
  readonly done: Promise<void>
  readonly #pieces: Buffer[] = []

  /** `tooMuch` is called when there are more than `limit` bytes; the first ones are kept. */
  constructor(stream: Readable | null, limit: number, tooMuch: () => void) {
    this.done = this.#collect(stream, limit, tooMuch)
    this.done.catch(() => {}) // told to those who wait
  }

  async #collect(stream: Readable | null, limit: number, tooMuch: () => void): Promise<void> {
    if (stream === null) return
    let room = limit
    for await (const piece of stream as AsyncIterable<Buffer>) {
      if (room > 0) this.#pieces.push(piece.subarray(0, room))
      if (piece.length > room) tooMuch()
      room = Math.max(0, room - piece.length)
    }
  }

  /** What there is by now. */
  get(encoding: 'utf8' | 'buffer' = 'utf8'): string | Buffer {
    const bytes = Buffer.concat(this.#pieces)
    return encoding === 'buffer' ? bytes : bytes.toString()
  }
}
