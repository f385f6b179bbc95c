import { type CallOutcome, type MadeCall, madeText, outcome, resultText } from '../../../native/kernels/traced.ts'
import type { Recording } from './recorder.ts'
import { inWordsOfRunc } from './runcWords.ts'
import { batchNode, chainNode, plannerNode, type SliceNode } from './slices.ts'

const FAILURES: readonly CallOutcome[] = ['tolerated', 'failed']
const HEAD = '    at ms       ms  calls  trips'

/** A node with what is in it, a batch in the place of a trip: what the executor did, not how the planner reached it. */
interface TimelineRow {
  readonly node: SliceNode
  readonly calls: number
  readonly trips: number
  readonly inner: readonly TimelineRow[]
}

/**
 * The recording for people who read text: what was done when, in how many milliseconds, system calls and round trips to
 * executors; inside of a round trip, what the executor did. Of calls it shows those that failed. At the end it has what runc
 * says of the same.
 */
export function timeline(recording: Recording): string[] {
  const chains = recording.executors.flatMap(({ chains }) => chains.map(chainNode)).sort((a, b) => a.start - b.start)
  const alone = ['made by executors without the planner:', ...chains.flatMap(chain => lines(row(chain), 0))]
  const moments = inWordsOfRunc(recording).map(({ at, line }) => `${milliseconds(at)}  ${line}`)
  const words = moments.length > 0 ? ['in the words of runc:', ...moments] : []
  return [HEAD, ...lines(row(plannerNode(recording)), 0), ...(chains.length > 0 ? alone : []), ...words]
}

function row(node: SliceNode): TimelineRow {
  const inner = (node.kind === 'trip' ? batchNode(node.batch!).children : node.children).map(row)
  let calls = node.kind === 'call' ? 1 : 0
  let trips = node.kind === 'trip' ? 1 : 0
  for (const one of inner) {
    calls += one.calls
    trips += one.trips
  }
  return { node, calls, trips, inner }
}

function lines({ node, calls, trips, inner }: TimelineRow, depth: number): string[] {
  const { start, end, name, error } = node
  const numbers = [milliseconds(start), milliseconds(end - start), String(calls).padStart(7), String(trips).padStart(7)]
  const line = `${numbers.join('')}  ${'  '.repeat(depth)}${name}${error === undefined ? '' : ', FAILED'}`
  const margin = ' '.repeat(HEAD.length + 2 * depth + 4)
  const made = inner.flatMap(({ node }) => node.made ?? [])
  const parts = inner.filter(({ node }) => node.made === undefined)
  return [line, ...failureTexts(made).map(text => margin + text), ...parts.flatMap(part => lines(part, depth + 1))]
}

/** Those that failed; what is alike shares a line. */
function failureTexts(calls: readonly MadeCall[]): string[] {
  const alike = new Map<string, MadeCall[]>()
  for (const made of calls) {
    if (!FAILURES.includes(outcome(made))) continue
    const text = `${outcome(made)}: ${made.call.name}(...) = ${resultText(made.result)}`
    alike.set(text, [...(alike.get(text) ?? []), made])
  }
  return [...alike].map(([text, [first, ...more]]) =>
    more.length === 0 ? `${outcome(first!)}: ${madeText(first!)}` : `${text}, ${more.length + 1} times`,
  )
}

function milliseconds(nanoseconds: number): string {
  return (nanoseconds / 1e6).toFixed(3).padStart(9)
}
