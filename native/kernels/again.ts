import { EAGAIN } from '../abi/errno.ts'
import { O_NONBLOCK } from '../abi/fcntl.ts'
import { SLOW_MS } from '../patience.ts'
import { Words } from '../struct.ts'
import type { Call } from './machine.ts'

/**
 * Calls whose EAGAIN says nothing about what they were asked, only that something else happened meanwhile:
 * - openat2(2), when it resolves `..` below a root while anybody on the machine renames or mounts something
 * - bpf(2), when a signal comes while it checks a program, be it one that stops and continues the process
 */
const DISTURBED: ReadonlySet<string> = new Set(['openat2', 'bpf'])

/** How long a call is made again. Each time it has a fair chance, so this is for paths that somebody made to have none. */
const AGAIN_MS = 2 * SLOW_MS

/**
 * The same for openat2(2) with O_NONBLOCK, to which a file with a lease says EAGAIN, too, for as long as its owner likes; see
 * F_SETLEASE in fcntl(2).
 */
const LEASED_AGAIN_MS = 250

/** How many milliseconds this call is made again. */
export function persistenceFor({ name, args }: Pick<Call, 'name' | 'args'>): number {
  const [, , how] = args
  const mayBeLeased = name === 'openat2' && how instanceof Words && (Number(how.values[0]) & O_NONBLOCK) !== 0
  return mayBeLeased ? LEASED_AGAIN_MS : AGAIN_MS
}

/** Is this result no answer, but the wish to be asked again? */
export function isDisturbed({ name }: Pick<Call, 'name'>, result: number): boolean {
  return result === -EAGAIN && DISTURBED.has(name)
}

/** The time within which a call is made again; it begins when that is asked for first. */
export class Persistence {
  readonly #clock: () => number
  readonly #milliseconds: number
  #slow: (() => void) | undefined
  #end: number | undefined

  /** `clock` gives milliseconds; `slow` is called when it takes long. */
  constructor(clock: () => number, slow: () => void, milliseconds = AGAIN_MS) {
    this.#clock = clock
    this.#milliseconds = milliseconds
    this.#slow = slow
  }

  get lasts(): boolean {
    const now = this.#clock()
    this.#end ??= now + this.#milliseconds
    if (now >= this.#end - this.#milliseconds + SLOW_MS) {
      this.#slow?.()
      this.#slow = undefined
    }
    return now < this.#end
  }
}
