import { errnoName } from '../../../native/abi/errno.ts'
import { phraseTexts } from '../../../native/failure.ts'
import { type MadeCall, madeText, outcome } from '../../../native/kernels/traced.ts'
import type { Batch } from '../../../native/kernels/tracedExecutor.ts'
import type { ExecutorRecord, Recording } from './recorder.ts'
import { batchNode, chainNode, plannerNode, type SliceNode } from './slices.ts'

interface TraceThread {
  readonly pid: number
  readonly tid: number
}

/** An event of a trace file. `ts` and `dur` are microseconds. */
interface Event extends TraceThread {
  readonly name: string
  readonly ph: 'X' | 'M' | 's' | 'f'
  readonly ts?: number
  readonly dur?: number
  readonly [key: string]: unknown
}

/**
 * The recording as a trace file for https://ui.perfetto.dev and chrome://tracing: a thread for the planner, one for each
 * executor, and as many as it takes for what executors and their children did by themselves. The format is described in
 * Google's "Trace Event Format".
 */
export function chromeTrace(recording: Recording, pid: number): string {
  const batches = recording.executors.flatMap(executor => executor.batches)
  const tracks = [{ name: 'planner', nodes: [plannerNode(recording)] }, ...recording.executors.flatMap(executorTracks)]
  const names = tracks.flatMap(({ name }, i) => nameEvents(name, { pid, tid: i + 1 }))
  const events = tracks.flatMap(({ nodes }, i) =>
    nodes.flatMap(node => nodeEvents(node, { pid, tid: i + 1 }, batch => batches.indexOf(batch) + 1)),
  )
  const lines = [...names, ...events.sort((a, b) => a.ts! - b.ts!)].map(event => JSON.stringify(event))
  return `{"displayTimeUnit":"ns","traceEvents":[\n${lines.join(',\n')}\n]}\n`
}

interface Track {
  readonly name: string
  readonly nodes: readonly SliceNode[]
}

function executorTracks({ batches, chains }: ExecutorRecord, i: number): Track[] {
  const name = i === 0 ? 'executor' : `executor ${i + 1}`
  const alone = lanes(chains.map(chainNode)).map(nodes => ({ name: `${name}, without the planner`, nodes }))
  return [{ name, nodes: batches.map(batchNode) }, ...alone]
}

/** Chains are made by several processes at once: each goes to the first lane that is free at that time. */
function lanes(nodes: readonly SliceNode[]): SliceNode[][] {
  const found: SliceNode[][] = []
  for (const node of [...nodes].sort((a, b) => a.start - b.start)) {
    const free = found.find(lane => lane.at(-1)!.end <= node.start)
    if (free === undefined) found.push([node])
    else free.push(node)
  }
  return found
}

function nameEvents(name: string, thread: TraceThread): Event[] {
  const meta = (what: string, args: object): Event => ({ name: what, ph: 'M', ...thread, args })
  return [
    ...(thread.tid === 1 ? [meta('process_name', { name: 'tsrun' })] : []),
    meta('thread_name', { name }),
    meta('thread_sort_index', { sort_index: thread.tid }),
  ]
}

/** `number` gives the number of a batch, which leads from the planner's waiting to what the executor did. */
function nodeEvents(node: SliceNode, thread: TraceThread, number: (batch: Batch) => number): Event[] {
  const { kind, start, end, batch, children } = node
  const ts = start / 1000
  const event: Event = {
    name: eventName(node),
    cat: kind,
    ph: 'X',
    ...thread,
    ts,
    dur: (end - start) / 1000,
    args: details(node),
  }
  const arrow = batch && { name: 'batch', cat: 'flow', id: number(batch), ...thread, ts }
  const arrows: Event[] = arrow ? [kind === 'trip' ? { ph: 's', ...arrow } : { ph: 'f', bp: 'e', ...arrow }] : []
  return [event, ...arrows, ...children.flatMap(child => nodeEvents(child, thread, number))]
}

function eventName({ name, made }: SliceNode): string {
  return made?.result === undefined || made.result >= 0 ? name : `${name} ${errnoName(-made.result)}`
}

function details(node: SliceNode): object {
  const { kind, phrase, made, batch, error } = node
  const phrases = phraseTexts(phrase).join(': ')
  return {
    ...(made && callDetails(made)),
    ...(phrases !== '' && kind !== 'phrase' && { doing: phrases }),
    ...(batch && { calls: batch.calls.length }),
    ...(batch && batch.left > 0 && { notMade: batch.left }),
    ...(error !== undefined && { error: error instanceof Error ? error.message : String(error) }),
  }
}

function callDetails(made: MadeCall): object {
  const how = outcome(made)
  return { call: madeText(made), ...(how !== 'good' && { outcome: how }) }
}
