import { EAGAIN, EINTR } from '../../native/abi/errno.ts'
import { POLLIN, POLLOUT } from '../../native/abi/socket.ts'
import type { Fd } from '../../native/fd.ts'
import type { Poll } from '../../native/host.ts'
import type { Kernel } from '../../native/kernel.ts'
import { Room } from '../../native/struct.ts'

/** What is copied at once: PIPE_BUF, so that a pipe that poll(2) calls writable takes it without blocking (pipe(7)). */
const PIECE = 4096

const NOTHING = new Uint8Array(0)

/**
 * - `moved`: something was copied, or has to wait for the other side
 * - `nothing`: there is nothing to read at the moment
 * - `ended`: end of file, or reading failed
 * - `lost`: nobody takes what is written any more
 */
export type Progress = 'moved' | 'nothing' | 'ended' | 'lost'

/** Copies from one descriptor to another, a piece at a time, and never reads more than it has got rid of. */
export class Flow {
  readonly #outside: Kernel<'outside'>
  readonly #from: number
  readonly #to: number
  #pending: Uint8Array = NOTHING
  #last: number | undefined

  constructor(outside: Kernel<'outside'>, from: Fd<'outside'> | number, to: Fd<'outside'> | number) {
    this.#outside = outside
    this.#from = typeof from === 'number' ? from : from.number
    this.#to = typeof to === 'number' ? to : to.number
  }

  /** Is something read that still has to be written? */
  get isFull(): boolean {
    return this.#pending.length > 0
  }

  /** The byte that was read last. */
  get last(): number | undefined {
    return this.#last
  }

  /** Writes these bytes next, after what waits for that. */
  add(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#pending.length + bytes.length)
    all.set(this.#pending)
    all.set(bytes, this.#pending.length)
    this.#pending = all
  }

  /** What has to happen before the next step. */
  get next(): Poll {
    return this.isFull ? { fd: this.#to, events: POLLOUT } : { fd: this.#from, events: POLLIN }
  }

  /** Reads or writes one piece. */
  step(): Progress {
    return this.isFull ? this.#write() : this.#read()
  }

  #read(): Progress {
    const piece = new Room(PIECE)
    const result = this.#outside.now({ name: 'read', args: [this.#from, piece, PIECE], tolerate: 'any' })
    if (result === -EAGAIN) return 'nothing'
    if (result === -EINTR) return 'moved'
    this.#pending = piece.bytes
    this.#last = piece.bytes.at(-1) ?? this.#last
    return result > 0 ? 'moved' : 'ended'
  }

  #write(): Progress {
    const args = [this.#to, this.#pending, this.#pending.length]
    const result = this.#outside.now({ name: 'write', args, tolerate: 'any' })
    if (result === -EAGAIN || result === -EINTR) return 'moved'
    this.#pending = this.#pending.subarray(Math.max(result, 0))
    return result >= 0 ? 'moved' : 'lost'
  }
}
