import { BPF_JA, BPF_JMP } from '../../../native/abi/bpf.ts'
import { SOCK_FILTER } from '../../../native/abi/layout/filter.ts'
import { type Graph, NOWHERE, type Node, RETURN } from './graph.ts'

/** `struct sock_filter`: code (16), jt (8), jf (8), k (32); little endian, as all machines that tsrun runs on. */
export const INSTRUCTION_SIZE = SOCK_FILTER.size
/** How far a comparison can lead, where 1 is the next instruction; an unconditional jump has 32 bits for it. */
const FAR = 0x100

export const JUMP = BPF_JMP | BPF_JA

/**
 * Lays out the instructions that can be reached from `root`. Jumps lead forward only, so the program is made from its end:
 * every instruction goes on with ones that were made, and so placed, before it.
 */
export function assemble(graph: Graph, root: Node): Uint8Array {
  const reached = findReached(graph, root)
  const program = new Reversed(graph)
  for (let node = 0; node < reached.length; node++) if (reached[node] !== 0) program.place(node)
  program.goOnWith(root)
  return program.bytes()
}

function findReached({ yes, no }: Graph, root: Node): Uint8Array {
  const reached = new Uint8Array(yes.length)
  reached[root] = 1
  for (let node = reached.length - 1; node >= 0; node--) {
    if (reached[node] === 0) continue
    if (yes[node] !== NOWHERE) reached[yes[node]!] = 1
    if (no[node] !== NOWHERE) reached[no[node]!] = 1
  }
  return reached
}

/** Instructions in reversed order: what is placed later stands earlier in the program. */
class Reversed {
  readonly #graph: Graph
  /** Two words each: the constant, then the code with both distances. */
  readonly #words: number[] = []
  #length = 0
  /** Where each node is, counted from the end, and the nearest instruction that leads there. */
  readonly #places: Int32Array
  readonly #nearest: Int32Array

  constructor(graph: Graph) {
    this.#graph = graph
    this.#places = new Int32Array(graph.code.length)
    this.#nearest = new Int32Array(graph.code.length)
  }

  place(node: Node): void {
    const graph = this.#graph
    const nearest = this.#nearest
    const yes = graph.yes[node]!
    const no = graph.no[node]!
    let distances = 0
    if (no !== NOWHERE) {
      // What is put between to reach one of them moves the other away, so look until both are near.
      while (this.#length - nearest[yes]! > FAR || this.#length - nearest[no]! > FAR)
        this.#lead(nearest[yes]! < nearest[no]! ? yes : no)
      distances = ((this.#length - 1 - nearest[yes]!) << 16) | ((this.#length - 1 - nearest[no]!) << 24)
    } else if (yes !== NOWHERE) this.goOnWith(yes)
    this.#places[node] = this.#length
    nearest[node] = this.#length
    this.#push(graph.k[node]!, graph.code[node]! | distances)
  }

  /** Makes this the instruction that follows the next one. */
  goOnWith(node: Node): void {
    if (this.#nearest[node] !== this.#length - 1) this.#lead(node)
  }

  /** A short way to `target` from here; an answer is as short as a jump to it. */
  #lead(target: Node): void {
    const away = this.#length - 1 - this.#places[target]!
    this.#nearest[target] = this.#length
    if (this.#graph.code[target] === RETURN) this.#push(this.#graph.k[target]!, RETURN)
    else this.#push(away, JUMP)
  }

  #push(k: number, code: number): void {
    this.#words.push(k, code)
    this.#length++
  }

  bytes(): Uint8Array {
    return new Uint8Array(Uint32Array.from(this.#words.reverse()).buffer)
  }
}
