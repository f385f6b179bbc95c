import type { Phrase } from '../../../native/failure.ts'
import type { MadeCall } from '../../../native/kernels/traced.ts'
import type { Batch, Chain } from '../../../native/kernels/tracedExecutor.ts'
import type { Phase, Recording } from './recorder.ts'

/** What a slice stands for. Of two with the same extent, the one of the earlier kind is around the other. */
const KINDS = ['root', 'phrase', 'phase', 'trip', 'batch', 'chain', 'call'] as const

/** So many calls are named one by one. */
const FEW = 3

/** Something that took time. Nanoseconds. */
export interface Slice {
  readonly kind: (typeof KINDS)[number]
  readonly name: string
  readonly start: number
  readonly end: number
  readonly phrase: Phrase | undefined
  readonly made?: MadeCall
  /** A trip of the planner, and the executor's batch, have one in common. */
  readonly batch?: Batch
  readonly error?: unknown
}

/** A slice with those that lie in it, in order. */
export interface SliceNode extends Slice {
  readonly children: readonly SliceNode[]
}

/** A node that gets children while it is put together. */
interface Growing extends Slice {
  end: number
  readonly children: Growing[]
}

/** The planner's track: the whole command, phrases and phases, exchanges with executors, calls. */
export function plannerNode({ title, end, error, phases, calls, executors }: Recording): SliceNode {
  const batches = executors.flatMap(executor => executor.batches)
  const slices = [...phases.map(phaseSlice), ...batches.map(tripSlice), ...calls.map(callSlice)]
  const root: Slice = { kind: 'root', name: title, start: 0, end, phrase: undefined, error }
  return nest([root, ...phraseSlices(slices), ...slices])[0]!
}

/** An exchange on the executor's track. */
export function batchNode(batch: Batch): SliceNode {
  const { start, calls, error } = batch
  const end = calls.at(-1)?.end ?? batch.end
  return { kind: 'batch', name: summary(calls), start, end, batch, error, ...inPhrases(calls) }
}

/** Calls that the executor, or a process born from it, made without the planner. */
export function chainNode({ name, calls }: Chain): SliceNode {
  const { start } = calls[0]!
  const { end } = calls.at(-1)!
  return { kind: 'chain', name: `${name}: ${summary(calls)}`, start, end, ...inPhrases(calls) }
}

/** The names of a few calls, the number of many. */
function summary(calls: readonly MadeCall[]): string {
  return calls.length > FEW ? `${calls.length} calls` : calls.map(({ call }) => call.name).join(', ')
}

function phaseSlice({ name, phrase, start, end, error }: Phase): Slice {
  return { kind: 'phase', name, start, end, phrase, error }
}

function tripSlice(batch: Batch): Slice {
  const { awaited, end, phrase, error } = batch
  return { kind: 'trip', name: `round trip: ${summary(batch.calls)}`, start: awaited, end, phrase, batch, error }
}

function callSlice(made: MadeCall): Slice {
  const { call, start, end, phrase } = made
  return { kind: 'call', name: call.name, start, end, phrase, made }
}

/** Calls in the order in which they were made, inside of the phrases that not all of them have in common. */
function inPhrases(calls: readonly MadeCall[]): Pick<SliceNode, 'phrase' | 'children'> {
  const base = commonPhrase(calls)
  const top: Growing[] = []
  const open: Growing[] = []
  for (const made of calls) {
    const path = lineage(made.phrase, base)
    while (open.length > 0 && path[open.length - 1] !== open.at(-1)!.phrase) open.pop()
    for (const phrase of path.slice(open.length)) {
      const node: Growing = {
        kind: 'phrase',
        name: phrase.text,
        start: made.start,
        end: made.end,
        phrase,
        children: [],
      }
      childrenOf(open.at(-1), top).push(node)
      open.push(node)
    }
    for (const node of open) node.end = made.end
    childrenOf(open.at(-1), top).push({ ...callSlice(made), children: [] })
  }
  return { phrase: base, children: top }
}

function childrenOf(node: Growing | undefined, top: Growing[]): Growing[] {
  return node === undefined ? top : node.children
}

/** From the outermost phrase below `base` to `phrase` itself. */
function lineage(phrase: Phrase | undefined, base: Phrase | undefined): Phrase[] {
  const phrases: Phrase[] = []
  for (let at = phrase; at !== undefined && at !== base; at = at.outer) phrases.unshift(at)
  return phrases
}

/** The innermost phrase that all calls have in common. */
function commonPhrase(calls: readonly MadeCall[]): Phrase | undefined {
  const lineages = calls.map(call => lineage(call.phrase, undefined))
  return lineages[0]?.findLast(phrase => lineages.every(phrases => phrases.includes(phrase)))
}

/** A slice for every phrase, from the first to the last of what was done in it. */
function phraseSlices(slices: readonly Slice[]): Slice[] {
  const extents = new Map<Phrase, { start: number; end: number }>()
  for (const { phrase, start, end } of slices)
    for (const at of lineage(phrase, undefined)) {
      const known = extents.get(at) ?? { start, end }
      extents.set(at, { start: Math.min(known.start, start), end: Math.max(known.end, end) })
    }
  return [...extents].map(([phrase, extent]) => ({ kind: 'phrase', name: phrase.text, phrase, ...extent }))
}

/** Puts slices into those that contain them: what a single process does is properly nested. */
function nest(slices: readonly Slice[]): SliceNode[] {
  const top: Growing[] = []
  const open: Growing[] = []
  for (const slice of [...slices].sort(outerFirst)) {
    while (open.length > 0 && open.at(-1)!.end <= slice.start) open.pop()
    const node: Growing = { ...slice, children: [] }
    childrenOf(open.at(-1), top).push(node)
    open.push(node)
  }
  return top
}

function outerFirst(a: Slice, b: Slice): number {
  const depth = ({ phrase }: Slice) => lineage(phrase, undefined).length
  return a.start - b.start || b.end - a.end || KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || depth(a) - depth(b)
}
