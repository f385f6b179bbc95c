import { currentPhrase, type Phrase } from '../../../native/failure.ts'
import type { Memory } from '../../../native/host.ts'
import type { MadeCall } from '../../../native/kernels/traced.ts'
import { type Batch, type Chain, TracedExecutorCalls, type Watcher } from '../../../native/kernels/tracedExecutor.ts'
import type { Observer } from '../../runtime.ts'
import type { Clock } from './clock.ts'

/** A named part of the planner's work. Nanoseconds. */
export interface Phase {
  readonly name: string
  readonly phrase: Phrase | undefined
  readonly start: number
  readonly end: number
  readonly error: unknown
}

/** What one executor did: with the planner, and by itself. */
export interface ExecutorRecord {
  readonly batches: Batch[]
  readonly chains: Chain[]
}

/** Everything that was seen in one call of the program. */
export interface Recording {
  /** The command line. */
  readonly title: string
  readonly end: number
  readonly error: unknown
  readonly phases: readonly Phase[]
  /** Of the planner, in order. */
  readonly calls: readonly MadeCall[]
  readonly executors: readonly ExecutorRecord[]
}

/** Writes down what happens. As an observer of the runtime it hears of phases and of executors. */
export class Recorder implements Observer {
  readonly clock: Clock
  readonly #title: string
  readonly #phases: Phase[] = []
  readonly #calls: MadeCall[] = []
  readonly #executors: ExecutorRecord[] = []
  #machines: TracedExecutorCalls[] = []
  #open: string[] = []

  constructor(clock: Clock, title: string) {
    this.clock = clock
    this.#title = title
  }

  readonly made = (call: MadeCall): void => {
    this.#calls.push(call)
  }

  readonly phase = <T>(name: string, work: () => T): T => {
    const phrase = currentPhrase()
    const start = this.clock.now()
    this.#open.push(name)
    const end = (error?: unknown) => {
      this.#open.pop()
      this.#phases.push({ name, phrase, start, end: this.clock.now(), error })
    }
    const fail = (error: unknown): never => {
      end(error)
      throw error
    }
    const succeed = <V>(value: V): V => {
      end()
      return value
    }
    let result: T
    try {
      result = work()
    } catch (error) {
      return fail(error)
    }
    return result instanceof Promise ? (result.then(succeed, fail) as T) : succeed(result)
  }

  readonly makeCalls: Observer['makeCalls'] = (...parts) => {
    const record: ExecutorRecord = { batches: [], chains: [] }
    const watcher: Watcher = {
      clock: this.clock.now,
      beginning: this.clock.beginning,
      phaseName: () => this.#open.at(-1) ?? 'outside of any phase',
      batch: batch => void record.batches.push(batch),
      chain: chain => void record.chains.push(chain),
    }
    const machine = new TracedExecutorCalls(watcher, ...parts)
    this.#executors.push(record)
    this.#machines.push(machine)
    return machine
  }

  /** An executor's memory goes: the last chance to look into it. */
  release(memory: Memory): void {
    for (const machine of this.#machines) if (machine.space.memory === memory) machine.finish()
    this.#machines = this.#machines.filter(machine => machine.space.memory !== memory)
  }

  /** What was seen up to now; `error` is what the command failed with. */
  recording(error: unknown): Recording {
    return {
      title: this.#title,
      end: this.clock.now(),
      error,
      phases: this.#phases,
      calls: this.#calls,
      executors: this.#executors,
    }
  }
}
