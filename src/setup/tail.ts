import { errnoName } from '../../native/abi/errno.ts'
import { O_CLOEXEC } from '../../native/abi/fcntl.ts'
import { IOVEC } from '../../native/abi/layout/socket.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { ARENA_ADDRESS, OP_RESULT } from '../../native/executor/protocol.ts'
import { currentPhrase, doingAll, KernelError, type Phrase, phraseTexts } from '../../native/failure.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { NOT_DONE, type Operation, unexpectedReason } from '../../native/kernels/operation.ts'
import { pollPatiently, tellSlow } from '../../native/patience.ts'
import { get64, Out, Struct } from '../../native/struct.ts'
import { decode, encode } from '../../native/utf8.ts'
import { Failure } from '../errors.ts'
import { shown } from './hooks/hooks.ts'

/** Of a result in the arena. */
const RESULT_SIZE = 8

/** For those who can not look into the memory of the executor. */
export function tellBeforeProgram(): void {
  tellSlow('waiting for the program, before which come startContainer hooks and the seccomp agent')
}

/** What has to be known of a call of the tail to tell of its failure when the planner is gone; null is undefined in JSON. */
type TailStep = readonly [
  /** Where its result is in the piece of the arena. */
  at: number,
  /** Which of the chains of phrases holds for it. */
  chain: number,
  name: Call['name'],
  subject: string | null | undefined,
  hint: Call['hint'] | null,
  unexpected: string | null | undefined,
  /** Where in the piece of the arena there is what a hook has printed. */
  said: number | null,
]

/** What a report begins with, where its reader is not the planner. */
interface StepTable {
  readonly steps: readonly TailStep[]
  /** What was being done, outermost first. */
  readonly chains: readonly (readonly string[])[]
}

/** Steps that somebody beside the first process makes while that takes its tail. */
export interface HelperChain {
  /** These end without coming back; a failure is reported as one of the tail's own. */
  readonly steps: readonly Operation[]
  /** The one of them that the tail waits for; the others lead to it or follow it up. */
  readonly sending: Operation
  /** The step of the tail that waits for it. */
  readonly until: Operation
}

/** A recorded tail. */
export interface Tail {
  readonly operations: readonly Operation[]
  /** What readReport() has to know of it. */
  readonly table: () => StepTable
}

/**
 * The tail: the last batch of a container's first process, which the executor takes without the planner. A successful
 * execve closes the descriptor to whoever waits; a failed call writes a report there and ends the process. The report is
 * the same for all of them: a table of steps as JSON, a zero byte, and the piece of the arena up to the last step's result. Of the
 * results that are there the last one is to blame. Where the planner itself waits (`reader`) the table is empty, since it
 * has that.
 */
export function recordTail(
  executor: Executor,
  reader: 'planner' | 'start',
  steps: (tail: Kernel<'inside'>, addHelper: (helper: HelperChain) => void) => void,
): Tail {
  const { calls, kernel, controlNumber } = executor
  const base = currentPhrase()
  const helpers: HelperChain[] = []
  // All results are behind this, in whatever order: what fetches an argument comes before the call and lies behind it.
  const start = calls.space.top
  const tail = calls.record(() => steps(kernel, helper => helpers.push(helper)))
  const told = helpers.length === 0 ? tail : tail.flatMap(operation => withHelpers(operation, helpers))
  const table = () => stepTableOf(told, start, base)
  const stepTable = encode(`${reader === 'planner' ? '' : JSON.stringify(table())}\0`)
  const length = told.at(-1)!.offset + RESULT_SIZE - start
  const failed = calls.record(() => {
    const { size, iov_base, iov_len } = IOVEC
    const pieces = new Struct(2 * size).word(iov_base, stepTable).u64(iov_len, stepTable.length)
    pieces.u64(size + iov_base, calls.address + start + OP_RESULT).u64(size + iov_len, length)
    calls.later({ name: 'writev', args: [controlNumber, pieces, 2], tolerate: 'any' })
    kernel.exit(1)
  })
  calls.link(failed, 0)
  for (const chain of [tail, ...helpers.map(helper => helper.steps)]) calls.link(chain, 0, failed[0]!.address)
  calls.keep()
  return { operations: tail, table }
}

function withHelpers(operation: Operation, helpers: readonly HelperChain[]): Operation[] {
  return [operation, ...helpers.filter(({ until }) => until === operation).map(({ sending }) => sending)]
}

function stepTableOf(told: readonly Operation[], start: number, base: Phrase | undefined): StepTable {
  const chains: string[][] = []
  let last: Phrase | undefined
  const steps = told.map(({ call, phrase, offset }): TailStep => {
    if (phrase !== last || chains.length === 0) chains.push(phraseTexts(phrase, base))
    last = phrase
    return [
      offset - start,
      chains.length - 1,
      call.name,
      call.subject,
      call.hint ?? null,
      call.unexpected,
      saidAt(call, start),
    ]
  })
  return { steps, chains }
}

function saidAt({ said }: Call, start: number): number | null {
  return said === undefined ? null : said.address - (ARENA_ADDRESS + start + OP_RESULT)
}

/** The first steps of a created container's tail: wait for the planner's last word, then for `start` to connect. */
export function awaitStart(tail: Kernel<'inside'>, executor: Executor, listener: Fd<'inside'>): void {
  // End of file instead of a word: the planner was killed before the container was complete.
  tail.later({ name: 'read', args: [executor.controlNumber, new Out(8), 8], expect: 'positive' })
  const connection = tail.later({ name: 'accept4', args: [listener, null, null, O_CLOEXEC] })
  tail.later({ name: 'dup3', args: [connection, executor.controlNumber, O_CLOEXEC] })
}

/**
 * Waits until the program runs. Throws what the executor reported instead. `tail` is that of this planner, if it is.
 * `slow` tells what takes so long; without the memory of the executor nobody knows more than this. `ending` are signals
 * that end the wait, too, see Kernel.poll.
 */
export function awaitProgram(
  outside: Kernel<'outside'>,
  connection: Fd<'outside'>,
  tail?: Tail,
  slow = tellBeforeProgram,
  ending: readonly number[] = [],
): void {
  pollPatiently(outside, [{ fd: connection, events: POLLIN }], -1, slow, ending)
  const bytes = outside.readAll(connection)
  if (bytes.length === 0) return
  throw readReport(bytes, tail)
}

/** Finds the failure in a report of the tail. */
export function readReport(bytes: Uint8Array, tail?: Tail): Failure {
  const end = bytes.indexOf(0)
  const { steps, chains } = tail?.table() ?? (JSON.parse(decode(bytes.subarray(0, end))) as StepTable)
  const piece = bytes.subarray(end + 1)
  const results = new DataView(piece.buffer, piece.byteOffset)
  const blamed = steps.findLast(([at]) => get64(results, at) !== NOT_DONE)!
  const [at, chain, name, subject, hint, unexpected, said] = blamed
  const output = said === null ? '' : shown(piece.subarray(said, piece.indexOf(0, said)))
  const result = get64(results, at)
  return doingAll(chains[chain]!, () =>
    result < 0
      ? new KernelError(name, -result, subject ?? undefined, hint?.[errnoName(-result)])
      : new Failure(`${unexpectedReason({ name, unexpected: unexpected ?? undefined }, result)}${output}`),
  )
}
