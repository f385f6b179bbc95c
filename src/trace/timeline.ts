import { type Made, madeText, type Outcome, outcome, resultText } from '../../native/kernels/traced.ts'
import type { Recording } from './recorder.ts'
import { batchNode, chainNode, type Node, plannerNode } from './slices.ts'

const FAILURES: readonly Outcome[] = ['tolerated', 'failed']
const HEAD = '    at ms       ms  calls  trips'

/**
 * The recording for people who read text: what was done when, in how many milliseconds, system calls and round trips to
 * executors; inside of a round trip, what the executor did. Of calls it shows those that failed.
 */
export function timeline(recording: Recording): string[] {
  const chains = recording.executors.flatMap(({ chains }) => chains.map(chainNode)).sort((a, b) => a.start - b.start)
  const alone = ['made by executors without the planner:', ...chains.flatMap(chain => lines(chain, 0))]
  return [HEAD, ...lines(plannerNode(recording), 0), ...(chains.length > 0 ? alone : [])]
}

function lines(node: Node, depth: number): string[] {
  const { start, end, name, error } = node
  const { calls, trips } = totals(node)
  const numbers = [milliseconds(start), milliseconds(end - start), String(calls).padStart(7), String(trips).padStart(7)]
  const row = `${numbers.join('')}  ${'  '.repeat(depth)}${name}${error === undefined ? '' : ', FAILED'}`
  const failures = failureLines(node).map(text => `${' '.repeat(HEAD.length)}  ${'  '.repeat(depth + 1)}${text}`)
  const inner = below(node).filter(({ made }) => made === undefined)
  return [row, ...failures, ...inner.flatMap(child => lines(child, depth + 1))]
}

/** Failed calls right in this node; those that are alike share a line. */
function failureLines(node: Node): string[] {
  const alike = new Map<string, Made[]>()
  for (const { made } of below(node)) {
    if (made === undefined || !FAILURES.includes(outcome(made))) continue
    const text = `${outcome(made)}: ${made.call.name}(...) = ${resultText(made.result)}`
    alike.set(text, [...(alike.get(text) ?? []), made])
  }
  return [...alike].map(([text, [first, ...more]]) =>
    more.length === 0 ? `${outcome(first!)}: ${madeText(first!)}` : `${text}, ${more.length + 1} times`,
  )
}

/** What the executor did stands for the two calls that the planner makes to reach it. */
function below(node: Node): readonly Node[] {
  return node.kind === 'trip' ? batchNode(node.batch!).children : node.children
}

function totals(node: Node): { calls: number; trips: number } {
  const sums = below(node).map(totals)
  const sum = (key: 'calls' | 'trips') => sums.reduce((total, one) => total + one[key], 0)
  return { calls: sum('calls') + (node.kind === 'call' ? 1 : 0), trips: sum('trips') + (node.kind === 'trip' ? 1 : 0) }
}

function milliseconds(nanoseconds: number): string {
  return (nanoseconds / 1e6).toFixed(3).padStart(9)
}
