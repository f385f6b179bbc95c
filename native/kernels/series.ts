import { EAGAIN } from '../abi/errno.ts'
import { OP_NEGATIVE, OP_POSITIVE, OP_RESULT, OP_ZERO } from '../executor/protocol.ts'
import { isDisturbed } from './again.ts'
import type { Hole } from './hole.ts'
import type { Call } from './machine.ts'
import type { Form, Space } from './marshal.ts'

/** The calls of one member, as they lay in memory before anything was done. */
export interface Sample {
  readonly offset: number
  readonly words: Int32Array
  /** Offsets of the operations. */
  readonly operations: readonly number[]
  readonly calls: readonly Call[]
  /** Those of them that the machine has added by itself, each at its place. */
  readonly ours: readonly (Call | undefined)[]
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
  readonly ours: Sample['ours']
  /** Offsets of the operations from the beginning. */
  readonly operations: readonly number[]
  readonly returned: readonly number[]
  /** The bytes, in which words that are addresses count from the beginning. */
  readonly form: Form
  /** Which of the words lead to what comes next. */
  readonly ends: Int32Array
  /**
   * The results that tell whether a member has come to its end as it should: of each the offset, how many errnos it may be, and
   * these; or -1 for any. They are that of the last operation, and those of operations that are followed after some errnos.
   */
  readonly answers: Int32Array

  private constructor(
    { offset, words, operations, calls, ours, holes, returned }: Sample,
    addresses: readonly number[],
  ) {
    this.size = 4 * words.length
    this.calls = calls
    this.ours = ours
    this.returned = returned
    this.operations = operations.map(at => at - offset)
    const places = holes.map(({ places }) => places.map(at => (at - offset) >> 2))
    const flat = places.flatMap(list => [list.length, ...list])
    this.form = { words, addresses: Int32Array.from(addresses), holes: Int32Array.from(flat) }
    this.answers = Int32Array.from(
      calls.flatMap((call, i) => answerOf(call, this.operations[i]!, i === calls.length - 1)),
    )
    const links = this.operations.flatMap(at => [OP_POSITIVE, OP_NEGATIVE, OP_ZERO].map(field => (at + field) >> 2))
    this.ends = Int32Array.from(links.filter(at => words[at] === END))
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

  /** Has the member at `offset` go on with the operation at the address `next`. */
  link({ words }: Space, offset: number, next: number): void {
    const { ends } = this
    for (let i = 0; i < ends.length; i++) words[(offset >> 2) + ends[i]!] = next
  }
}

/** See Template.answers. An errno that may be no answer is left out: then it is looked at more closely. */
function answerOf(call: Call, at: number, isLast: boolean): number[] {
  const { tolerate = [] } = call
  if (tolerate === 'any') return isLast ? [at + OP_RESULT, isDisturbed(call, -EAGAIN) ? 0 : -1] : []
  const errnos = tolerate.filter(errno => !isDisturbed(call, -errno))
  return errnos.length > 0 || isLast ? [at + OP_RESULT, errnos.length, ...errnos] : []
}
