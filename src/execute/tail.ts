import { errnoName } from '../../native/abi/errno.ts'
import { O_CLOEXEC } from '../../native/abi/fcntl.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { OP_RESULT } from '../../native/executor/protocol.ts'
import { currentPhrase, doingAll, KernelError, phraseTexts } from '../../native/failure.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { NOT_DONE, type Operation, unexpectedReason } from '../../native/kernels/executor.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { pollPatiently, tellSlow } from '../../native/patience.ts'
import { get64, Out, Struct } from '../../native/struct.ts'
import { decode, encode } from '../../native/utf8.ts'
import { Failure } from '../errors.ts'

/** The most pieces that one writev(2) takes. */
const IOV_MAX = 1024

/** For those who can not look into the memory of the executor. */
export function tellBeforeProgram(): void {
  tellSlow('waiting for the program, before which come startContainer hooks and the seccomp agent')
}

/** What has to be known of a call of the tail to tell of its failure when the planner is gone. */
interface Step {
  readonly name: Call['name']
  readonly subject: string | undefined
  readonly hint: Call['hint']
  readonly unexpected: string | undefined
  /** What was being done, outermost first. */
  readonly phrases: readonly string[]
}

/** Steps that somebody beside the first process makes while that takes its tail. */
export interface Companion {
  /** These end without coming back; a failure is reported as one of the tail's own. */
  readonly steps: readonly Operation[]
  /** The step of the tail that waits for the first of them, which the others only follow up. */
  readonly until: Operation
}

/**
 * The tail: the last batch of a container's first process, which the executor takes without the planner. A successful
 * execve closes the descriptor to whoever waits; a failed call writes a report there and ends the process. The report is
 * the same for all of them: the steps as JSON, a zero byte, and the results so far, of which the last one is to blame.
 */
export function recordTail(
  executor: Executor,
  steps: (tail: Kernel, accompany: (companion: Companion) => void) => void,
): Operation[] {
  const { calls, kernel, controlNumber } = executor
  const base = currentPhrase()
  const companions: Companion[] = []
  const tail = calls.record(() => steps(kernel, companion => companions.push(companion)))
  const told = tail.flatMap(operation => [
    operation,
    ...companions.filter(({ until }) => until === operation).map(companion => companion.steps[0]!),
  ])
  const words = encode(`${JSON.stringify(told.map(({ call, phrase }) => step(call, phraseTexts(phrase, base))))}\0`)
  if (told.length >= IOV_MAX) throw new Failure(`${told.length} steps to start the program are too many`)
  const failed = calls.record(() => {
    const pieces = new Struct(16 * (told.length + 1)).word(0, words).u64(8, words.length)
    told.forEach((operation, i) => {
      pieces.u64(16 * (i + 1), operation.address + OP_RESULT).u64(16 * (i + 1) + 8, 8)
    })
    calls.later({ name: 'writev', args: [controlNumber, pieces, told.length + 1], tolerate: 'any' })
    kernel.exit(1)
  })
  calls.link(failed, 0, () => 0)
  for (const chain of [tail, ...companions.map(companion => companion.steps)])
    calls.link(chain, 0, () => failed[0]!.address)
  return tail
}

function step({ name, subject, hint, unexpected }: Call, phrases: readonly string[]): Step {
  return { name, subject, hint, unexpected, phrases }
}

/** The first steps of a created container's tail: wait for the planner's last word, then for `start` to connect. */
export function awaitStart(tail: Kernel, executor: Executor, listener: number): void {
  // End of file instead of a word: the planner was killed before the container was complete.
  tail.later({ name: 'read', args: [executor.controlNumber, new Out(8), 8], expect: 'positive' })
  const connection = tail.later({ name: 'accept4', args: [listener, null, null, O_CLOEXEC] })
  tail.later({ name: 'dup3', args: [connection, executor.controlNumber, O_CLOEXEC] })
}

/**
 * Waits until the program runs. Throws what the executor reported instead. `slow` tells what takes so long; without the
 * memory of the executor nobody knows more than this.
 */
export function awaitProgram(outside: Kernel, connection: Fd, slow = tellBeforeProgram): void {
  pollPatiently(outside, [{ fd: connection, events: POLLIN }], -1, slow)
  const bytes = outside.readAll(connection)
  if (bytes.length === 0) return
  throw readReport(bytes)
}

/** Finds the failure in a report of the tail. */
export function readReport(bytes: Uint8Array): Failure {
  const end = bytes.indexOf(0)
  const steps = JSON.parse(decode(bytes.subarray(0, end))) as Step[]
  const results = new DataView(bytes.buffer, bytes.byteOffset + end + 1)
  const at = steps.findLastIndex((_, i) => get64(results, 8 * i) !== NOT_DONE)
  const { name, subject, hint, phrases, unexpected } = steps[at]!
  const result = get64(results, 8 * at)
  return doingAll(phrases, () =>
    result < 0
      ? new KernelError(name, -result, subject, hint?.[errnoName(-result)])
      : new Failure(unexpectedReason({ name, unexpected }, result)),
  )
}
