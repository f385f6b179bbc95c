import { EAGAIN, ECONNRESET, EINTR, EPIPE } from '../abi/errno.ts'
import { FUTEX_WAKE } from '../abi/futex.ts'
import { MSG_NOSIGNAL } from '../abi/socket.ts'
import { CLOCK_MONOTONIC } from '../abi/time.ts'
import { type CallNumbers, callNumbers } from '../arch/numbers.ts'
import { openDescriptors } from '../calls/file.ts'
import {
  ARENA_ADDRESS,
  ARENA_FIRST,
  ARENA_SIZE,
  LOAD,
  MESSAGE_SIZE,
  OP_ALSO,
  OP_ARGUMENTS,
  OP_INDIRECT,
  OP_NEGATIVE,
  OP_POSITIVE,
  OP_RESULT,
  OP_SIZE,
  OP_ZERO,
} from '../executor/protocol.ts'
import { Failure, goOnDoing } from '../failure.ts'
import type { Fd } from '../fd.ts'
import type { Memory } from '../host.ts'
import type { Kernel } from '../kernel.ts'
import { tellSlow } from '../patience.ts'
import { Out, Words } from '../struct.ts'
import { isDisturbed, Persistence, persistenceFor } from './again.ts'
import { callName, kernelError } from './direct.ts'
import { Hole, type Varying, type Work } from './hole.ts'
import { type Call, type Calls, isRefused, possible } from './machine.ts'
import { type Marshaller, native, putForm, resultOf, Space, takeOut } from './marshal.ts'
import { Member } from './member.ts'
import {
  type Branches,
  flowOf,
  isBad,
  NEGATIVE,
  NOT_DONE,
  Operation,
  POSITIVE,
  putOperation,
  rewriteOperation,
  unexpectedReason,
  ZERO,
} from './operation.ts'
import type { Result } from './result.ts'
import { END, type Sample, Template } from './series.ts'

/** Somebody ended the process that makes the calls. */
export class ExecutorDeath extends Failure {}

/** For FUTEX_WAKE: the highest number there is. */
const EVERYBODY = 0x7fff_ffff
/** A batch is sent when it gets this long, so that the executor does not wait for the planner. */
const BATCH_BYTES = 0x1_0000
/** So many members of a series are made call by call: to learn what differs takes longer, and may take a wait. */
export const FEW = 12
/** What is longer is not learned. */
const SAMPLE_BYTES = 4096
/** From here on the planner waits for it, too: then all of the arena is free again. */
const HALF_FULL = ARENA_SIZE / 2

type Queued = Operation | Member

/** The address at which the executor goes on after a failed operation. 0: it stops, and reports. */
type WhereFailed = number | ((operation: Operation) => number)

/** The operations of a member while it is asked what calls they are. */
interface Description {
  readonly offsets: readonly number[]
  /** Of operations that nobody has asked for. */
  readonly ours: readonly (Call | undefined)[]
  readonly found: Operation[]
}

/** A series as far as it is known. */
interface Series {
  /** How many members were asked for. */
  count: number
  sample?: Sample
  /** Undefined when there is none yet, null when there can not be one. */
  template?: Template | null
  /** The words of the last member. */
  words: readonly Varying[]
}

/** A batch that the executor is at. */
interface Flight {
  readonly operations: readonly Queued[]
  readonly outs: { out: Out; offset: number; operation: Operation }[]
  /** Operations below this offset belong to it, those above are of the next one. */
  readonly top: number
}

/**
 * Makes system calls through the executor. Calls are queued and go over in one batch when somebody needs a result, so a
 * sequence of twenty mounts costs one exchange; a descriptor opened in a batch is handed on inside it. With `begin` the
 * batch goes over at once and the planner goes on, until somebody needs a result of it or the next batch is sent.
 */
export class ExecutorCalls implements Calls, Marshaller {
  readonly side = 'inside'
  readonly space: Space
  readonly lacking: Set<Call['name']>
  readonly address = ARENA_ADDRESS
  readonly #numbers: CallNumbers
  readonly #outside: Kernel
  readonly #control: Fd
  /** What happened to the executor, in words, when its socket ended. */
  readonly #deathReason: () => string
  #queue: Queued[] = []
  /** Where in the arena that begins. */
  #start = ARENA_FIRST
  #outs: { out: Out; offset: number; operation: Operation }[] = []
  #flight: Flight | undefined
  /** What is recorded is done when the results of operations before may be gone: those are stored in it. */
  from = 0
  /** The operation whose arguments are being put into the arena. */
  #marshalled: Operation | undefined
  /** How many calls were asked for, and what there was when descriptors() was asked first. */
  #count = 0
  #looked: { readonly descriptors: readonly number[] | undefined; readonly calls: number } | undefined
  #recording = false
  readonly #series = new Map<string, Series>()
  /** A sample of a series is being taken, which lies in one piece. */
  #sampling = false
  #described: Description | undefined
  /** The queue refers to a recorded chain, or one is to be sent: the arena may not be given away. */
  #recorded = false

  constructor(memory: Memory, arch: keyof typeof callNumbers, outside: Kernel, control: Fd, deathReason: () => string) {
    this.space = new Space(memory, ARENA_FIRST)
    this.#numbers = callNumbers[arch]
    this.lacking = outside.lacking // a field, which is asked for with every call
    this.#outside = outside
    this.#control = control
    this.#deathReason = deathReason
  }

  now(call: Call): number {
    return this.later(call).value
  }

  later(call: Call): Operation {
    if (this.#described !== undefined) return this.#find(this.#described, call)
    if (this.space.top - this.#start > BATCH_BYTES) this.#sendLong()
    return this.#enqueue(this.lacking.size > 0 ? possible(call, this.lacking) : call)
  }

  /** Sends the batch when it is long enough. */
  #sendLong(): void {
    const pinned = this.#recording || this.#recorded || this.#sampling
    if (pinned || this.space.top - this.#start <= BATCH_BYTES) return
    if (this.space.top < HALF_FULL) this.begin()
    else this.flush()
  }

  /** Once there are many members the bytes are copied: from two of them it is learned what differs. */
  again<const W extends readonly Varying[]>(name: string, words: W, work: Work<W>): readonly Result[] {
    let series = this.#series.get(name)
    if (series === undefined) {
      series = { count: 0, words }
      this.#series.set(name, series)
    }
    series.count += 1
    const before = series.words
    series.words = words
    const { template } = series
    if (series.count <= FEW || template === null || this.lacking.size > 0) return work(...words)
    if (this.#recording || this.#recorded || this.#sampling) return work(...words)
    if (this.space.top - this.#start > BATCH_BYTES) this.#sendLong()
    const copied = template && this.#copy(template, words, work)
    if (copied !== undefined) return copied
    if (!this.#areAtHand(words, before)) return work(...words)
    return template === undefined ? this.#learn(series, words, work) : this.#copy(template, words, work)!
  }

  /** Are the words known? One that was that of the member before, too, is worth a wait. */
  #areAtHand(words: readonly Varying[], before: readonly Varying[]): boolean {
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!
      if (typeof word === 'string' || word.result.known !== undefined) continue
      if (word !== before[i] || !word.exists) return false
    }
    return true
  }

  /** Undefined when a word is not known. */
  #copy<W extends readonly Varying[]>(template: Template, words: W, work: Work<W>): readonly Result[] | undefined {
    const offset = putForm(this, template.form, words)
    if (offset === undefined) return undefined
    const returned: Operation[] = []
    for (let i = 0; i < template.returned.length; i++) {
      const index = template.returned[i]!
      const operation = new Operation(this, template.calls[index]!, offset + template.operations[index]!)
      operation.forwarded = true // where it goes in the member
      returned.push(operation)
    }
    this.#queue.push(new Member(template, offset, words, work as unknown as Work<readonly Varying[]>, returned))
    this.#count += template.calls.length
    return returned
  }

  /** The first operation of a member without a good result. */
  #stopped(member: Member): Operation | undefined {
    const { space } = this
    const { template, offset, returned } = member
    if (!member.isDone(space))
      for (let i = 0; i < template.operations.length; i++) {
        const value = space.get(offset + template.operations[i]! + OP_RESULT)
        const call = member.operations?.[i]?.call ?? template.calls[i]!
        if (value !== NOT_DONE && !isBad(call, value)) continue
        member.operations ??= this.#operationsOf(member)
        const operation = member.operations[i]!
        operation.known = value
        return operation
      }
    for (let i = 0; i < returned.length; i++) {
      const operation = returned[i]!
      operation.known = space.get(operation.offset + OP_RESULT)
    }
    return undefined
  }

  #operationsOf({ template, offset, phrase, words, work }: Member): readonly Operation[] {
    const offsets = template.operations.map(at => offset + at)
    return goOnDoing(phrase, () => this.#describe(offsets, template.ours, () => work(...words)))
  }

  #learn<W extends readonly Varying[]>(series: Series, words: W, work: Work<W>): readonly Result[] {
    const { space } = this
    const placed = words.map(word =>
      typeof word === 'string' ? this.address + space.string(word) : resultOf(this, word).value,
    )
    const holes = words.map((word, i) => new Hole(word, placed[i]!))
    // Only in different places two samples show what is an address. The arena begins anew after each wait.
    if (series.sample?.offset === space.top) space.allocate(OP_SIZE)
    const [offset, from] = [space.top, this.#queue.length]
    space.clear(offset, SAMPLE_BYTES) // what lies behind the ends of texts is to be the same in all samples
    this.#sampling = true
    let results: readonly Result[]
    try {
      results = work(...(holes as unknown as W))
    } finally {
      this.#sampling = false
    }
    const made = this.#queue.slice(from) as Operation[]
    // What is done about a failure is done with the words themselves.
    const ours = made.map(({ isOurs, call }) => (isOurs ? call : undefined))
    const described = this.#describe(
      made.map(operation => operation.offset),
      ours,
      () => work(...words),
    )
    made.forEach((operation, i) => {
      operation.call = described[i]!.call
    })
    this.link(made, END)
    const sample: Sample = {
      offset,
      words: space.words.slice(offset >> 2, space.top >> 2),
      operations: made.map(operation => operation.offset),
      calls: made.map(({ call }) => call),
      ours,
      holes,
      returned: results.map(result => made.indexOf(result as Operation)),
    }
    if (series.sample !== undefined) series.template = Template.from(this.address, series.sample, sample) ?? null
    series.sample = sample
    return results
  }

  /** The operations at these offsets, for which `work` asks. */
  #describe(offsets: readonly number[], ours: Description['ours'], work: () => void): readonly Operation[] {
    const found: Operation[] = []
    this.#described = { offsets, ours, found }
    try {
      work()
    } finally {
      this.#described = undefined
    }
    return found
  }

  #find({ offsets, ours, found }: Description, call: Call): Operation {
    for (let own = ours[found.length]; own !== undefined; own = ours[found.length])
      found.push(new Operation(this, own, offsets[found.length]!))
    const operation = new Operation(this, call, offsets[found.length]!)
    const value = this.space.get(operation.offset + OP_RESULT)
    if (value !== NOT_DONE) operation.known = value
    found.push(operation)
    return operation
  }

  /**
   * A new descriptor has the lowest number that is free. So none has a higher one than there was when these were looked at,
   * by the first who asks, and one more, or two of a pair, for each call since. Later a /proc may be the container's.
   */
  descriptors(first: number, last: number): Iterable<number> | undefined {
    this.#looked ??= { descriptors: openDescriptors(this), calls: this.#count }
    const { descriptors, calls } = this.#looked
    if (descriptors === undefined) return undefined
    const highest = Math.max(...descriptors) + 2 * (this.#count - calls)
    return numbersBetween(first, Math.min(last, highest))
  }

  #enqueue(call: Call): Operation {
    const { name, args } = call
    if (this.#recording && name === 'openat2') throw new Failure('openat2 may have to be asked for again')
    const operation = new Operation(this, call, this.space.top)
    const outer = this.#marshalled // an argument may need an operation of its own: see result()
    this.#marshalled = operation
    putOperation(this, name === 'load' ? LOAD : this.#numbers[name], args)
    this.#marshalled = outer
    this.#queue.push(operation)
    this.#count += 1
    return operation
  }

  #numberOf({ name }: Call): number {
    return name === 'load' ? LOAD : this.#numbers[name]
  }

  /** Records what `work` asks for as a chain of its own instead of queueing it; nothing in it may need an answer. */
  record(work: () => void): Operation[] {
    const queue = this.#queue
    const recording = this.#recording
    const { from } = this
    this.#queue = []
    this.#recording = true
    this.#recorded = true
    this.from = this.space.top
    try {
      work()
      return this.#queue as Operation[] // members are in no chain
    } finally {
      this.#queue = queue
      this.#recording = recording
      this.from = from
    }
  }

  /**
   * Connects operations: a success goes on with the next one and at the end with the address `end`, a failure with `fail`, or
   * nowhere. Branches that an operation sets itself stay.
   */
  link(operations: readonly Queued[], end: number, fail: WhereFailed = 0): void {
    const { bytes, words } = this.space
    if (native !== undefined && typeof fail === 'number') {
      const branching = native.link(bytes, ARENA_ADDRESS, operations, end, fail)
      if (branching > 0) this.#branchAll(operations as readonly Operation[])
      if (branching >= 0) return
    }
    let next = end
    for (let i = operations.length - 1; i >= 0; i--) {
      const operation = operations[i]!
      if (operation.template !== undefined) {
        operation.link(this.space, next)
        next = operation.address
        continue
      }
      const { offset, branches, call } = operation
      const flow = flowOf(call)
      const bad = typeof fail === 'number' ? fail : fail(operation)
      // Addresses in the arena have 32 bits.
      words[(offset + OP_POSITIVE) >> 2] = (flow & POSITIVE) !== 0 ? next : bad
      words[(offset + OP_ZERO) >> 2] = (flow & ZERO) !== 0 ? next : bad
      words[(offset + OP_NEGATIVE) >> 2] = (flow & NEGATIVE) !== 0 ? next : bad
      if (branches !== undefined) this.#branch(offset, branches)
      next = ARENA_ADDRESS + offset
    }
  }

  #branchAll(operations: readonly Operation[]): void {
    for (const { offset, branches } of operations) if (branches !== undefined) this.#branch(offset, branches)
  }

  #branch(offset: number, { positive, zero, negative }: Branches): void {
    const { words } = this.space
    if (positive !== undefined) words[(offset + OP_POSITIVE) >> 2] = positive
    if (zero !== undefined) words[(offset + OP_ZERO) >> 2] = zero
    if (negative !== undefined) words[(offset + OP_NEGATIVE) >> 2] = negative
  }

  /**
   * Does what is queued and waits for it. Throws the first failure. `fail` says where the executor goes on after a
   * failed operation; by default it stops and reports.
   */
  flush(fail?: WhereFailed): void {
    this.begin(fail)
    this.land()
  }

  /** Sends what is queued without waiting for it; one batch before it is waited for. Throws what failed in that one. */
  begin(fail?: WhereFailed): void {
    if (this.#queue.length === 0) return
    if (this.#recording) throw new Failure('a recorded call was asked for its result')
    this.land()
    const operations = this.#queue
    this.#flight = { operations, outs: this.#outs, top: this.space.top }
    this.#queue = []
    this.#start = this.space.top
    this.#outs = []
    this.#recorded = false
    this.link(operations, 0, fail)
    this.departed()
    if (!this.#tell(operations)) this.#end(this.#death(operations))
  }

  /** Waits for the batch that was sent, if any. Throws the first failure, and drops what was queued behind it. */
  land(): void {
    const flight = this.#flight
    if (flight === undefined) return
    this.awaited()
    const failed = this.#outcome(flight)
    for (const { out, offset, operation } of flight.outs)
      if (operation.known !== undefined) takeOut(this.space, out, offset, operation.value)
    this.#end(failed)
  }

  /**
   * Waits until the executor has come to an end, or to a failure; what was disturbed is done again, and where there is a call
   * to make instead of the one that failed, the executor goes on with that.
   */
  #outcome(flight: Flight): Failure | undefined {
    const { operations } = flight
    let persistence: Persistence | undefined
    for (;;) {
      const alive = this.#answered(operations)
      const failed = this.#settle(operations)
      if (failed !== undefined && isDisturbed(failed.call, failed.value)) {
        persistence ??= this.#persistence(failed)
        if (!persistence.lasts) return this.#failure(failed)
        this.space.put(failed.offset + OP_RESULT, NOT_DONE)
        if (!this.#tell([failed])) return this.#death(operations)
        continue
      }
      const instead = failed && this.#insteadOf(failed)
      if (failed !== undefined && instead === undefined) return this.#failure(failed)
      if (!alive) return this.#death(operations)
      if (failed === undefined) return undefined
      try {
        if (!this.#replace(flight, failed, instead!)) return this.#failure(failed)
      } catch (error) {
        if (error instanceof Failure) return error
        throw error
      }
      if (!this.#tell([failed])) return this.#death(operations)
    }
  }

  #persistence({ call, phrase }: Operation): Persistence {
    return new Persistence(
      () => this.#outside.clock(CLOCK_MONOTONIC) / 1e6,
      () => tellSlow(callName(call), phrase),
      persistenceFor(call),
    )
  }

  /** What there is to do about a failure. */
  #insteadOf({ call, value }: Operation): Call['instead'] {
    return isRefused(this.lacking, call, value) ? () => call.older!(call) : call.instead
  }

  /** Puts another call in the place of one that failed. False when there is none. */
  #replace({ outs }: Flight, operation: Operation, instead: NonNullable<Call['instead']>): boolean {
    const { phrase } = operation
    const errno = -operation.value
    const call = errno > 0 ? goOnDoing(phrase, () => this.aside(() => instead(errno))) : undefined
    if (call === undefined) return false
    const later = this.#outs
    this.#outs = outs
    operation.known = undefined
    operation.call = call
    const outer = this.#marshalled
    this.#marshalled = operation
    rewriteOperation(this, operation.offset, this.#numberOf(call), call.args)
    this.#marshalled = outer
    this.#outs = later
    return true
  }

  /** Does `work` to its end between the calls of a batch that has stopped; what is queued stays so. */
  protected aside<T>(work: () => T): T {
    const { space } = this
    const { base } = space
    const [queue, start, outs, flight, from, recording, recorded] = [
      this.#queue,
      this.#start,
      this.#outs,
      this.#flight,
      this.from,
      this.#recording,
      this.#recorded,
    ]
    space.base = space.top
    this.#queue = []
    this.#start = space.top
    this.#outs = []
    this.#flight = undefined
    this.from = 0
    this.#recording = false
    this.#recorded = false
    try {
      const result = work()
      this.flush()
      return result
    } finally {
      space.base = base
      this.#queue = queue
      this.#start = start
      this.#outs = outs
      this.#flight = flight
      this.from = from
      this.#recording = recording
      this.#recorded = recorded
    }
  }

  #end(failed: Failure | undefined): void {
    this.#flight = undefined
    this.arrived(failed)
    if (failed) {
      this.#queue = []
      this.#outs = []
    }
    if (this.#queue.length === 0 && !this.#recording && !this.#recorded) {
      this.space.top = this.space.base
      this.#start = this.space.base
    }
    if (failed) throw failed
  }

  /** Waits until the result of the operation is known. */
  answer(operation: Operation): void {
    if (this.#isFlying(operation)) this.land()
    else this.flush()
  }

  #isFlying(operation: Operation): boolean {
    return this.#flight !== undefined && operation.offset < this.#flight.top
  }

  /** For those who watch: a batch is on its way, then waited for, then answered. */
  protected departed(): void {}

  protected awaited(): void {}

  protected arrived(_failed: Failure | undefined): void {}

  /** Sends a chain off without waiting for its end. */
  send(operations: readonly Operation[]): void {
    this.land()
    if (!this.#tell(operations)) throw this.#death(operations)
  }

  /** False when the executor is gone. */
  #tell(operations: readonly Queued[]): boolean {
    const message = new Words([operations[0]!.address])
    const args = [this.#control, message, MESSAGE_SIZE, MSG_NOSIGNAL, null, 0]
    return this.#outside.now({ name: 'sendto', args, tolerate: [EPIPE, ECONNRESET] }) >= 0
  }

  /** An executor that dies with a message unread resets the connection instead of ending it. */
  #answered(operations: readonly Queued[]): boolean {
    const args = [this.#control, new Out(MESSAGE_SIZE), MESSAGE_SIZE]
    const read = () => this.#outside.now({ name: 'read', args, tolerate: [ECONNRESET, EAGAIN, EINTR] })
    let result = read()
    if (result === -EAGAIN) this.tellSlow(operations)
    // The socket's time is over, see launchExecutor(); and what has such a time is not taken up again after a signal, see signal(7).
    while (result === -EAGAIN || result === -EINTR) result = read()
    return result === MESSAGE_SIZE
  }

  /** Tells which of the operations, which the executor is at, takes so long. */
  tellSlow(operations: readonly Queued[]): void {
    const last = this.#undone(operations)
    tellSlow(last === undefined ? 'waiting for the executor' : callName(last.call), last?.phrase)
  }

  /** The first one that has no result yet. */
  #undone(operations: readonly Queued[]): Operation | undefined {
    for (const operation of operations)
      if (operation instanceof Member) {
        const stopped = this.#stopped(operation)
        if (stopped !== undefined) return stopped
      } else if (this.space.get(operation.offset + OP_RESULT) === NOT_DONE) return operation
    return undefined
  }

  #death(operations: readonly Queued[]): Failure {
    const last = this.#undone(operations)
    const where = last === undefined ? '' : ` at ${callName(last.call)}`
    return new ExecutorDeath(`the executor died${where}: ${this.#deathReason()}`, last?.phrase)
  }

  /** Takes the results, up to the first operation that failed or was disturbed, which it returns. */
  #settle(operations: readonly Queued[]): Operation | undefined {
    const { space } = this
    for (let i = 0; i < operations.length; i++) {
      if (native !== undefined) i = native.settle(space.bytes, operations, i)
      const operation = operations[i]
      if (operation === undefined) return undefined
      if (operation.template !== undefined) {
        const stopped = this.#stopped(operation)
        if (stopped !== undefined) return stopped.value === NOT_DONE ? undefined : stopped
        continue
      }
      const value = space.get(operation.offset + OP_RESULT)
      operation.known = value
      if (value === NOT_DONE) return undefined
      if (isBad(operation.call, value)) return operation
    }
    return undefined
  }

  #failure({ call, value, phrase }: Operation): Failure {
    if (value < 0) return kernelError(call, -value, phrase)
    return new Failure(unexpectedReason(call, value), phrase)
  }

  /** Puts bytes where a recorded chain will find them: over what lies there for `out`. */
  rewrite(out: Out, bytes: Uint8Array): void {
    this.space.memory.bytes.set(bytes, out.address - this.address)
  }

  /** Makes the word of `out` 1 and wakes whoever waits for that with futex(2), in the executor or its children. */
  wake(out: Out): void {
    const offset = out.address - this.address
    this.space.put(offset, 1)
    const args = [this.space.memory.address + offset, FUTEX_WAKE, EVERYBODY, null, null, 0]
    this.#outside.now({ name: 'futex', args })
  }

  /** Everything put into the arena so far stays there: later batches start behind it. */
  keep(): void {
    this.space.base = this.space.top
  }

  out(out: Out, offset: number): void {
    this.#outs.push({ out, offset, operation: this.#marshalled! })
  }

  /**
   * The word at `offset` becomes `result`: at once when it is known, else by the executor itself. Of an argument it takes the
   * address. Elsewhere it stores the result, and may be past that operation already when it was sent.
   */
  result(result: Result, offset: number): void {
    const { known } = result
    if (known !== undefined) {
      this.space.put(offset, known)
      return
    }
    const earlier = result as Operation // results of other kernels are known
    const at = this.#marshalled?.offset ?? Infinity // or a word of no operation
    const argument = (offset - at - OP_ARGUMENTS) / 8
    if (argument >= 0 && argument < 6 && earlier.offset >= this.from) {
      this.space.words[(at + OP_INDIRECT) >> 2]! |= 1 << argument
      this.space.put(offset, earlier.address + OP_RESULT)
      return
    }
    let source = earlier
    if (earlier.forwarded || this.#isFlying(earlier))
      source = this.#enqueue({ name: 'load', args: [earlier.address + OP_RESULT], tolerate: 'any' })
    if (source !== earlier) source.isOurs = true
    source.forwarded = true
    this.space.put(source.offset + OP_ALSO, ARENA_ADDRESS + offset)
  }
}

function* numbersBetween(first: number, last: number): Iterable<number> {
  for (let number = first; number <= last; number++) yield number
}
