import {
  BPF_ABS,
  BPF_ALU,
  BPF_AND,
  BPF_JEQ,
  BPF_JGE,
  BPF_JGT,
  BPF_JMP,
  BPF_JSET,
  BPF_K,
  BPF_LD,
  BPF_RET,
  BPF_W,
} from '../../../native/abi/bpf.ts'

export const LOAD = BPF_LD | BPF_W | BPF_ABS
export const AND = BPF_ALU | BPF_AND | BPF_K
export const RETURN = BPF_RET | BPF_K
/** Comparisons of the accumulator with a constant: equal, greater, greater or equal, any bit in common. */
export const EQUAL = BPF_JMP | BPF_JEQ | BPF_K
export const GREATER = BPF_JMP | BPF_JGT | BPF_K
export const AT_LEAST = BPF_JMP | BPF_JGE | BPF_K
export const ANY_BIT = BPF_JMP | BPF_JSET | BPF_K

/** An instruction of a program that is not laid out yet: its place in the lists of a graph. */
export type Node = number

/** Where an instruction does not go on. */
export const NOWHERE: Node = -1

/**
 * Instructions in the order in which they were made, so that all go on with earlier ones. They are kept by column: an
 * interpreted engine takes five times as long for an object each.
 */
export class Graph {
  readonly code: number[] = []
  /** The constant: an offset in `struct seccomp_data`, a value to compare with, what to return. */
  readonly k: number[] = []
  /** Where it goes on: a comparison that holds, or any other instruction but the last. */
  readonly yes: Node[] = []
  /** Where a comparison that does not hold goes on. */
  readonly no: Node[] = []
  readonly #returns = new Map<number, Node>()

  #add(code: number, k: number, yes: Node, no: Node): Node {
    const node = this.code.length
    this.code[node] = code
    this.k[node] = k
    this.yes[node] = yes
    this.no[node] = no
    return node
  }

  /** Ends with this answer. */
  answer(value: number): Node {
    let node = this.#returns.get(value)
    if (node === undefined) {
      node = this.#add(RETURN, value, NOWHERE, NOWHERE)
      this.#returns.set(value, node)
    }
    return node
  }

  /** Compares what is loaded. */
  compare(code: number, k: number, yes: Node, no: Node): Node {
    return this.#add(code, k, yes, no)
  }

  /** Loads a word of `struct seccomp_data` for `next`, which is the instruction made last. */
  load(offset: number, next: Node): Node {
    return this.#add(LOAD, offset, next, NOWHERE)
  }

  /** Keeps only these bits of what is loaded, for `next`, which is the instruction made last. */
  and(mask: number, next: Node): Node {
    return this.#add(AND, mask, next, NOWHERE)
  }

  /** Loads a word and compares it. Goes on behind loads of the same word, and does not ask it the same again. */
  test(offset: number, code: number, k: number, yes: Node, no: Node): Node {
    if (yes === no) return yes
    const positive = this.behindLoad(yes, offset)
    const negative = this.behindLoad(no, offset)
    const again = (node: Node) => this.code[node] === code && this.k[node] === k
    return this.load(
      offset,
      this.compare(
        code,
        k,
        again(positive) ? this.yes[positive]! : positive,
        again(negative) ? this.no[negative]! : negative,
      ),
    )
  }

  /** The place to go on when that word is loaded already. */
  behindLoad(node: Node, offset: number): Node {
    return this.code[node] === LOAD && this.k[node] === offset ? this.yes[node]! : node
  }
}
