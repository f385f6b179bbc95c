import { CLOCK_REALTIME } from '../abi/time.ts'
import { OP_RESULT } from '../executor/protocol.ts'
import { currentPhrase, type Failure, type Phrase } from '../failure.ts'
import { get64, Out } from '../struct.ts'
import { ExecutorCalls } from './executor.ts'
import type { Varying, Work } from './hole.ts'
import type { Call } from './machine.ts'
import { NOT_DONE, type Operation } from './operation.ts'
import type { Result } from './result.ts'
import type { MadeCall } from './traced.ts'

/** A moment as clock_gettime(2) gives it. */
export interface Instant {
  readonly seconds: number
  readonly nanoseconds: number
}

/** One exchange with an executor. */
export interface Batch {
  /** From the planner's message to its reading of the answer, nanoseconds. */
  readonly start: number
  readonly end: number
  /** When the planner began to wait for it. */
  readonly awaited: number
  /** What was being done when the planner asked for an answer. */
  readonly phrase: Phrase | undefined
  readonly calls: readonly MadeCall[]
  /** How many calls were not made because one before them failed. */
  readonly left: number
  readonly error: unknown
}

/** Calls that were recorded to be made without the planner, up to now. */
export interface Chain {
  /** The phase in which they were recorded. */
  readonly name: string
  readonly calls: readonly MadeCall[]
}

/** Who watches an executor. */
export interface Watcher {
  /** Nanoseconds since the watch began. */
  clock(): number
  /** CLOCK_REALTIME at that moment. */
  readonly beginning: Instant
  /** The phase that the planner is in. */
  phaseName(): string
  batch(batch: Batch): void
  chain(chain: Chain): void
}

/** The reading of the clock that follows a call. */
interface Stamp {
  readonly operation: Operation
  readonly time: Out
}

/** A call and the time of its end. The first step of a batch or chain has no call. */
interface TracedStep {
  readonly operation: Operation | undefined
  stamp: Stamp | undefined
}

type Steps = TracedStep[]

interface NamedSteps {
  readonly name: string
  readonly steps: Steps
}

/** A batch that the executor is at, and the chains that it may go into. */
interface TracedFlight {
  readonly steps: Steps
  readonly chains: readonly NamedSteps[]
  readonly phrase: Phrase | undefined
  readonly start: number
  awaited: number
}

/**
 * An executor whose calls are timed: it reads the clock itself after each call, so deferred calls stay deferred and in
 * their batches. CLOCK_REALTIME, the one clock that a time namespace does not shift.
 */
export class TracedExecutorCalls extends ExecutorCalls {
  readonly #watcher: Watcher
  /** Of the queue, or of the chain that is being recorded. */
  #steps: Steps = []
  #chains: NamedSteps[] = []
  /** The last one is the one that the executor is at; those before it have stopped, see aside(). */
  readonly #flights: TracedFlight[] = []
  /** They stay in the arena, and the processes that make them may be at it still. */
  #kept: NamedSteps[] = []

  constructor(watcher: Watcher, ...rest: ConstructorParameters<typeof ExecutorCalls>) {
    super(...rest)
    this.#watcher = watcher
  }

  override later(call: Call): Operation {
    if (call.name === 'load') return super.later(call)
    if (this.#steps.length === 0) this.#steps.push({ operation: undefined, stamp: this.#stamp() })
    const operation = super.later(call)
    const step: TracedStep = { operation, stamp: undefined }
    this.#steps.push(step)
    // From a filter of system calls on, ours are not to be more than without a trace.
    if (call.name !== 'seccomp') step.stamp = this.#stamp()
    return operation
  }

  /** Call by call: each is timed. */
  override again<const W extends readonly Varying[]>(_: string, words: W, work: Work<W>): readonly Result[] {
    return work(...words)
  }

  #stamp(): Stamp {
    const time = new Out(16)
    return { operation: super.later({ name: 'clock_gettime', args: [CLOCK_REALTIME, time], tolerate: 'any' }), time }
  }

  override record(work: () => void): Operation[] {
    const outer = this.#steps
    this.#steps = []
    try {
      return super.record(work)
    } finally {
      this.#chains.push({ name: this.#watcher.phaseName(), steps: this.#steps })
      this.#steps = outer
    }
  }

  override keep(): void {
    super.keep()
    this.#kept.push(...this.#chains)
    this.#chains = []
  }

  protected override aside<T>(work: () => T): T {
    const [steps, chains] = [this.#steps, this.#chains]
    this.#steps = []
    this.#chains = []
    try {
      return super.aside(work)
    } finally {
      this.#steps = steps
      this.#chains = chains
    }
  }

  protected override departed(): void {
    const start = this.#watcher.clock()
    this.#flights.push({ steps: this.#steps, chains: this.#chains, phrase: currentPhrase(), start, awaited: start })
    this.#steps = []
    this.#chains = []
  }

  protected override awaited(): void {
    this.#flights.at(-1)!.awaited = this.#watcher.clock()
  }

  protected override arrived(error: Failure | undefined): void {
    const { steps, chains, phrase, start, awaited } = this.#flights.pop()!
    const end = this.#watcher.clock()
    const calls = this.#made(steps, start, end)
    const left = steps.filter(({ operation }) => operation !== undefined).length - calls.length
    if (steps.length > 0) this.#watcher.batch({ start, end, awaited, phrase, calls, left, error })
    this.#report(chains)
  }

  /** Reports what has become of the chains that are still in the arena: to be called before it is unmapped. */
  finish(): void {
    this.#report([...this.#kept, ...this.#chains])
  }

  #report(chains: readonly NamedSteps[]): void {
    for (const { name, steps } of chains) {
      const calls = this.#made(steps, 0, this.#watcher.clock())
      if (calls.length > 0) this.#watcher.chain({ name, calls })
    }
  }

  /** The steps that were begun. What has no end of its own, since it led elsewhere or goes on, ends at `latest`. */
  #made(steps: Steps, earliest: number, latest: number): MadeCall[] {
    const made: MadeCall[] = []
    let at: number | undefined
    for (const { operation, stamp } of steps) {
      const end = stamp && this.#time(stamp, earliest, latest)
      if (operation !== undefined) {
        const { call, phrase } = operation
        const result = this.#result(operation)
        if (result !== undefined || at !== undefined)
          made.push({ call, phrase, start: at ?? earliest, end: end ?? latest, result })
      }
      at = end
    }
    return made
  }

  #time({ operation, time }: Stamp, earliest: number, latest: number): number | undefined {
    if (this.#result(operation) === undefined) return undefined
    const { view } = this.space.memory
    const at = time.address - this.address
    const { seconds, nanoseconds } = this.#watcher.beginning
    const since = (get64(view, at) - seconds) * 1e9 + get64(view, at + 8) - nanoseconds
    return Math.min(Math.max(since, earliest), latest)
  }

  /** Undefined for a call that has not returned. */
  #result({ offset }: Operation): number | undefined {
    const result = get64(this.space.memory.view, offset + OP_RESULT)
    return result === NOT_DONE ? undefined : result
  }
}
