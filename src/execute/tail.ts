import { errnoName } from '../../native/abi/errno.ts'
import { O_CLOEXEC } from '../../native/abi/fcntl.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { OP_ALSO, OP_RESULT } from '../../native/executor/protocol.ts'
import { currentPhrase, doingAll, KernelError, phraseTexts } from '../../native/failure.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { type Operation, unexpectedReason } from '../../native/kernels/executor.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { get64, Out, put64 } from '../../native/struct.ts'
import { decode, encode } from '../../native/utf8.ts'
import { Failure } from '../errors.ts'

/** What the executor says about a failed call of the tail, before the eight bytes of its result. */
interface Report {
  readonly name: Call['name']
  readonly subject: string | undefined
  readonly hint: Readonly<Record<string, string>> | undefined
  /** What the result means when the call did not fail but gave something else than expected. */
  readonly unexpected: string | undefined
  /** What was being done, outermost first. */
  readonly phrases: readonly string[]
}

/**
 * The tail: the last batch of a container's first process, which the executor takes without the planner. A successful
 * execve closes the descriptor to whoever waits; a failed call writes a report there and ends the process.
 */
export function recordTail(executor: Executor, steps: (tail: Kernel) => void): Operation[] {
  const { calls, kernel, controlNumber } = executor
  const base = currentPhrase()
  const tail = calls.record(() => steps(kernel))
  const result = new Out(8)
  const last = calls.record(() => {
    calls.later({ name: 'write', args: [controlNumber, result, 8], tolerate: 'any' })
    kernel.exit(1)
  })
  calls.link(last, 0, () => 0)
  const reports = new Map<string, number>()
  const view = calls.space.memory.view
  calls.link(tail, 0, operation => {
    if (get64(view, operation.offset + OP_ALSO) === 0) put64(view, operation.offset + OP_ALSO, result.address)
    else return describe(operation, operation.address + OP_RESULT)
    return describe(operation, undefined)
  })
  return tail

  /** The chain that writes the report of `operation`; operations with the same words share it. */
  function describe({ call, phrase }: Operation, from: number | undefined): number {
    const report: Report = {
      name: call.name,
      subject: call.subject,
      hint: call.hint,
      unexpected: call.unexpected,
      phrases: phraseTexts(phrase, base),
    }
    const text = JSON.stringify(report)
    const key = `${from ?? ''}${text}`
    const known = reports.get(key)
    if (known !== undefined) return known
    const bytes = encode(text)
    const chain = calls.record(() => {
      if (from !== undefined) {
        const copy = calls.later({ name: 'load', args: [from], tolerate: 'any' })
        put64(view, copy.offset + OP_ALSO, result.address)
      }
      calls.later({ name: 'write', args: [controlNumber, bytes, bytes.length], tolerate: 'any' })
    })
    calls.link(chain, last[0]!.address, () => last[0]!.address)
    reports.set(key, chain[0]!.address)
    return chain[0]!.address
  }
}

/** The first steps of a created container's tail: wait for the planner's last word, then for `start` to connect. */
export function awaitStart(tail: Kernel, executor: Executor, listener: number): void {
  // End of file instead of a word: the planner was killed before the container was complete.
  tail.later({ name: 'read', args: [executor.controlNumber, new Out(8), 8], expect: 'positive' })
  const connection = tail.later({ name: 'accept4', args: [listener, null, null, O_CLOEXEC] })
  tail.later({ name: 'dup3', args: [connection, executor.controlNumber, O_CLOEXEC] })
}

/** Waits until the program runs. Throws what the executor reported instead. */
export function awaitProgram(outside: Kernel, connection: Fd): void {
  const bytes = outside.readAll(connection)
  if (bytes.length === 0) return
  throw readReport(bytes)
}

export function readReport(bytes: Uint8Array): Failure {
  const end = bytes.length - 8
  const result = get64(new DataView(bytes.buffer, bytes.byteOffset + end, 8), 0)
  const report = JSON.parse(decode(bytes.subarray(0, end))) as Report
  const { name, subject, hint, phrases } = report
  return doingAll(phrases, () =>
    result < 0
      ? new KernelError(name, -result, subject, hint?.[errnoName(-result)])
      : new Failure(unexpectedReason(report, result)),
  )
}
