import { SECCOMP_DATA_ARGS } from '../../../native/abi/seccomp.ts'
import type { SeccompOperator } from '../../../spec/generated/config.ts'
import type { FilterArchitecture } from './architectures.ts'
import { ANY_BIT, AT_LEAST, EQUAL, type Graph, GREATER, type Node } from './graph.ts'
import type { Condition, Decision, Rule } from './profile.ts'

const ALL = 0xffff_ffff

/** The instructions that decide by the arguments of a call. */
export function decide(graph: Graph, decision: Decision, unnamed: Node, arch: FilterArchitecture): Node {
  if (decision.always !== undefined) return graph.answer(decision.always.answer)
  return decision.rules.reduceRight((otherwise, rule) => applyRule(graph, rule, otherwise, arch), unnamed)
}

function applyRule(graph: Graph, { answer, conditions }: Rule, otherwise: Node, arch: FilterArchitecture): Node {
  return conditions.reduceRight(
    (fits, condition) => operators[condition.op](new ConditionCode(graph, condition, arch), fits, otherwise),
    graph.answer(answer),
  )
}

/** Where a condition goes on when it holds and when it does not; for half of them this is the opposite of another. */
export const operators: Readonly<Record<SeccompOperator, (comparison: ConditionCode, yes: Node, no: Node) => Node>> = {
  SCMP_CMP_NE: (comparison, yes, no) => comparison.equal(no, yes),
  SCMP_CMP_LT: (comparison, yes, no) => comparison.ordered(AT_LEAST, no, yes),
  SCMP_CMP_LE: (comparison, yes, no) => comparison.ordered(GREATER, no, yes),
  SCMP_CMP_EQ: (comparison, yes, no) => comparison.equal(yes, no),
  SCMP_CMP_GE: (comparison, yes, no) => comparison.ordered(AT_LEAST, yes, no),
  SCMP_CMP_GT: (comparison, yes, no) => comparison.ordered(GREATER, yes, no),
  SCMP_CMP_MASKED_EQ: (comparison, yes, no) => comparison.maskedEqual(yes, no),
}

/** One condition: two comparisons of 32 bits each where the architecture has arguments of 64. */
class ConditionCode {
  readonly #graph: Graph
  readonly #condition: Condition
  /** Offsets of the halves; a narrow argument has no upper one. */
  readonly #low: number
  readonly #high: number | undefined

  constructor(graph: Graph, condition: Condition, { bits, endian }: FilterArchitecture) {
    this.#graph = graph
    this.#condition = condition
    const argument = SECCOMP_DATA_ARGS + 8 * condition.index
    const [low, high] = endian === 'little' ? [argument, argument + 4] : [argument + 4, argument]
    this.#low = low
    this.#high = bits === 64 ? high : undefined
  }

  /** The lower half first: it is the one that differs. */
  equal(yes: Node, no: Node): Node {
    const { value } = this.#condition
    const high = this.#high === undefined ? yes : this.#graph.test(this.#high, EQUAL, value.high, yes, no)
    return this.#graph.test(this.#low, EQUAL, value.low, high, no)
  }

  /** The lower half counts only where the upper ones are equal. */
  ordered(code: typeof GREATER | typeof AT_LEAST, yes: Node, no: Node): Node {
    const { value } = this.#condition
    const graph = this.#graph
    const low = graph.test(this.#low, code, value.low, yes, no)
    if (this.#high === undefined) return low
    if (value.high === 0) return graph.test(this.#high, EQUAL, 0, low, yes)
    const equal = graph.compare(EQUAL, value.high, low, graph.behindLoad(no, this.#high))
    return graph.test(this.#high, GREATER, value.high, yes, equal)
  }

  maskedEqual(yes: Node, no: Node): Node {
    const { value: mask, second } = this.#condition
    const high = this.#high === undefined ? yes : this.#masked(this.#high, mask.high, second.high, yes, no)
    return this.#masked(this.#low, mask.low, second.low, high, no)
  }

  #masked(offset: number, mask: number, value: number, yes: Node, no: Node): Node {
    const graph = this.#graph
    // Bits outside of the mask are never set behind it.
    if ((value & ~mask) !== 0) return no
    if (mask === 0) return yes
    if (mask === ALL) return graph.test(offset, EQUAL, value, yes, no)
    if (value === 0) return graph.test(offset, ANY_BIT, mask, no, yes)
    if (yes === no) return yes
    return graph.load(offset, graph.and(mask, graph.compare(EQUAL, value, yes, no)))
  }
}
