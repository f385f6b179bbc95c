import { OP_NEGATIVE, OP_POSITIVE, OP_ZERO } from '../executor/protocol.ts'
import { Fd } from '../fd.ts'
import type { Call, Result } from './machine.ts'
import type { Space } from './marshal.ts'

/** What may differ between the members of a series. */
export type Varying = Fd | string

/** Asks for the calls of a member, and names those of their results that are of interest. */
export type Work<W extends readonly Varying[]> = (...words: W) => readonly Result[]

/** Stands for such a word while calls are put into memory, and remembers where. In messages it is the word itself. */
export class Hole {
  readonly word: Varying
  /** What goes into memory: a number, or the address of a text. */
  readonly value: number
  readonly places: number[] = []

  constructor(word: Varying, value: number) {
    this.word = word
    this.value = value
  }

  get subject(): string {
    return this.word instanceof Fd ? this.word.subject : this.word
  }

  toString(): string {
    return this.subject
  }
}

/** The calls of one member, as they lay in memory before anything was done. */
export interface Sample {
  readonly offset: number
  readonly words: Int32Array
  /** Offsets of the operations. */
  readonly operations: readonly number[]
  readonly calls: readonly Call[]
  readonly holes: readonly Hole[]
  /** Which of the operations have the results that are of interest. */
  readonly returned: readonly number[]
}

/** Where the last operation of a sample goes on: no address, but a mark. */
export const END = 4

/** The calls of a series as bytes with holes. A member of it is a copy: an interpreter need not make it call by call. */
export class Template {
  readonly size: number
  readonly calls: readonly Call[]
  /** Offsets of the operations from the beginning. */
  readonly operations: readonly number[]
  readonly returned: readonly number[]
  readonly #words: Int32Array
  /** Which of the words are addresses in the template, where they lead to what comes next, and which belong to each hole. */
  readonly #addresses: readonly number[]
  readonly #ends: readonly number[]
  readonly #holes: readonly (readonly number[])[]

  private constructor({ offset, words, operations, calls, holes, returned }: Sample, addresses: readonly number[]) {
    this.size = 4 * words.length
    this.calls = calls
    this.returned = returned
    this.operations = operations.map(at => at - offset)
    this.#words = words
    this.#addresses = addresses
    this.#holes = holes.map(({ places }) => places.map(at => (at - offset) >> 2))
    const links = this.operations.flatMap(at => [OP_POSITIVE, OP_NEGATIVE, OP_ZERO].map(field => (at + field) >> 2))
    this.#ends = links.filter(at => words[at] === END)
  }

  /**
   * Learns from two samples, linked to END, which words are addresses in them: those that are as far from each other as the
   * samples are. `address` is that of offset 0. Undefined when the samples differ in anything else but their holes.
   */
  static from(address: number, one: Sample, other: Sample): Template | undefined {
    const { offset, words, calls } = other
    if (one.words.length !== words.length || one.calls.length !== calls.length) return undefined
    if (calls.some(({ expect, said }) => expect !== undefined || said !== undefined)) return undefined
    const holes = new Set(other.holes.flatMap(({ places }) => places.map(at => (at - offset) >> 2)))
    const addresses: number[] = []
    for (let at = 0; at < words.length; at++) {
      const distance = words[at]! - one.words[at]!
      if (distance === 0 || holes.has(at) || holes.has(at - 1)) continue // a hole has two words
      if (distance !== offset - one.offset) return undefined
      addresses.push(at)
      words[at]! -= address + offset
    }
    return new Template(other, addresses)
  }

  /** Puts a member at `offset`, with these values in the holes. */
  put(space: Space, address: number, offset: number, values: readonly number[]): void {
    const { words } = space
    const first = offset >> 2
    words.set(this.#words, first)
    for (const at of this.#addresses) words[first + at]! += address + offset
    for (let hole = 0; hole < values.length; hole++)
      for (const at of this.#holes[hole]!) space.put((first + at) << 2, values[hole]!)
  }

  /** Has the member at `offset` go on with the operation at the address `next`. */
  link({ words }: Space, offset: number, next: number): void {
    for (const at of this.#ends) words[(offset >> 2) + at] = next
  }
}
