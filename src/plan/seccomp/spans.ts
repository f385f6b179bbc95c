import { SECCOMP_DATA_NR } from '../../../native/abi/seccomp.ts'
import { AT_LEAST, EQUAL, type Graph, type Node } from './graph.ts'

/** What all numbers of calls from 0 on get, collected in their order: ranges of equal answers. */
export class Spans {
  /** The first number of each range, and what it gets up to the next one. */
  readonly from: number[] = [0]
  readonly nodes: Node[]

  constructor(node: Node) {
    this.nodes = [node]
  }

  /** All from this number on, none of which is lower than what was told before. */
  add(from: number, node: Node): void {
    const last = this.nodes.length - 1
    if (this.nodes[last] === node) return
    if (this.from[last] === from) this.nodes[last] = node
    else {
      this.from.push(from)
      this.nodes.push(node)
    }
  }

  /** A binary search for the number of the call. */
  search(graph: Graph): Node {
    if (this.nodes.length === 1) return this.nodes[0]!
    return graph.load(SECCOMP_DATA_NR, tree(graph, this.from, this.nodes, 0, this.nodes.length))
  }
}

function tree(graph: Graph, from: readonly number[], nodes: readonly Node[], low: number, high: number): Node {
  const first = nodes[low]!
  if (high - low === 1) return first
  // A number that differs from those around it takes one comparison instead of two.
  if (high - low === 3 && nodes[low + 2] === first && from[low + 1]! + 1 === from[low + 2])
    return graph.compare(EQUAL, from[low + 1]!, nodes[low + 1]!, first)
  const middle = (low + high) >> 1
  const above = tree(graph, from, nodes, middle, high)
  const below = tree(graph, from, nodes, low, middle)
  return graph.compare(AT_LEAST, from[middle]!, above, below)
}
