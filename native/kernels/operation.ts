import { ARENA_ADDRESS, OP_ARGUMENTS, OP_INDIRECT, OP_NUMBER, OP_RESULT, OP_SIZE } from '../executor/protocol.ts'
import { currentPhrase, Failure, type Phrase } from '../failure.ts'
import { signalEnd } from '../signalEnd.ts'
import type { Argument } from '../struct.ts'
import { isDisturbed } from './again.ts'
import { type Call, tolerates } from './machine.ts'
import { type Marshaller, native, putArguments, putLeft } from './marshal.ts'
import type { Result } from './result.ts'

/** Written where a result will be: an executor that died leaves it, so the message can say at which call. Its low half is 0. */
export const NOT_DONE = 2 ** 52

/** Who can have an operation done. */
interface Answering {
  /** Waits until the result of the operation is known. */
  answer(operation: Operation): void
}

/** Where an operation goes on; undefined is the default: the next one, or the chain's way to fail. */
export interface Branches {
  positive?: number
  negative?: number
  zero?: number
}

/** The results after which an operation goes on, as bits: what follows them is in the C program, too. */
export const [POSITIVE, ZERO, NEGATIVE] = [1, 2, 4]
/** The usual ones: an errno is a failure. */
export const STRICT = POSITIVE | ZERO

/** After which results the next operation follows this call. */
export function flowOf({ tolerate, expect }: Call): number {
  const good = expect === undefined ? STRICT : expect === 'zero' ? ZERO : POSITIVE
  return tolerate === undefined || tolerate.length === 0 ? good : good | NEGATIVE
}

/** An operation in the arena. Few of them have what is only declared: an interpreter takes time for each property. */
export class Operation implements Result {
  /** As a Member has one. */
  declare readonly template?: undefined
  declare branches?: Branches
  /** Its result goes to an argument of another operation already; a second reader needs a LOAD. */
  declare forwarded?: true
  /** Nobody has asked for it: see result(). */
  declare isOurs?: true
  call: Call
  readonly offset: number
  readonly phrase: Phrase | undefined
  /** Undefined until the batch has come back. */
  known: number | undefined
  private readonly machine: Answering

  constructor(machine: Answering, call: Call, offset: number) {
    this.machine = machine
    this.call = call
    this.offset = offset
    this.phrase = currentPhrase()
    this.known = undefined
  }

  get address(): number {
    return ARENA_ADDRESS + this.offset
  }

  get value(): number {
    if (this.known === undefined) this.machine.answer(this)
    if (this.known === undefined) throw new Failure(`the result of ${this.call.name} was asked for outside its batch`)
    return this.known
  }

  /** Where the executor goes on after it, instead of where `link` says. */
  branch(where: Branches): void {
    this.branches = where
  }
}

/** Puts an operation at the top of the space, which does the call with that number; nothing is said about what follows it. */
export function putOperation(m: Marshaller, number: number, values: readonly Argument[]): void {
  const { space } = m
  const at = space.top
  const done =
    native === undefined ? -1 : native.putOperation(space.bytes, m.side, m.address, m.from, at, number, values)
  if (done >= 0) {
    space.top = done >> 6
    if ((done & 0x3f) !== 0) putLeft(m, at + OP_ARGUMENTS, values, done & 0x3f)
    return
  }
  space.clear(space.allocate(OP_SIZE), OP_SIZE)
  rewriteOperation(m, at, number, values)
}

/** Puts another call in the place of that of the operation at `at`; what follows it stays. */
export function rewriteOperation(m: Marshaller, at: number, number: number, values: readonly Argument[]): void {
  const { space } = m
  space.words[(at + OP_NUMBER) >> 2] = number
  space.words[(at + OP_INDIRECT) >> 2] = 0
  space.put(at + OP_RESULT, NOT_DONE)
  putArguments(m, at + OP_ARGUMENTS, values)
}

/** Is it a result that the call does not take? */
export function isBad(call: Call, value: number): boolean {
  if (value < 0) return isDisturbed(call, value) || !tolerates(call, value)
  return call.expect !== undefined && (value === 0) !== (call.expect === 'zero')
}

/** Words for a result that was none of the errors but not what was expected either. */
export function unexpectedReason(call: Pick<Call, 'name' | 'unexpected'>, value: number): string {
  if (call.name !== 'load') return call.unexpected ?? `${call.name} gave ${value}`
  const signal = value & 0x7f
  return signal === 0 ? `exit code ${(value >> 8) & 0xff}` : signalEnd(signal)
}
