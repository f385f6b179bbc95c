import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { SHARE_ENV, Worker } from 'node:worker_threads'
import { HostError } from '../errors.ts'
import { type Caller, callerOf, calledBy, receiveError } from './failures.ts'
import type { ArgumentsOf, OperationName, ResultOf } from './operations.ts'
import type { Job, ThreadMessage, Settings } from './thread.ts'

/** Two at least: one may wait for a hook, or for another program that holds a container's lock. */
const MOST = Math.max(2, Math.min(4, availableParallelism()))

/**
 * The program of a thread, which the build makes of libraryThread.ts: as text, so that whoever bundles this module has it in
 * the bundle, and no file has to be found.
 */
declare const TSRUN_THREAD: string

/** From where a thread looks for the packages that it needs. A bundler may know one of these, or none. */
function location(): string {
  const url: string | undefined = import.meta.url
  return url ?? (typeof __filename === 'string' ? __filename : join(process.cwd(), 'index.js'))
}

interface Order extends Omit<Job, 'args'> {
  readonly args: () => readonly unknown[]
  readonly warn: (text: string) => void
  readonly caller: Caller
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: unknown) => void
}

/** A thread, and what it is at. */
interface Thread {
  readonly worker: Worker
  order: Order | undefined
}

const waiting: Order[] = []
const threads = new Set<Thread>()

export interface CallOptions {
  readonly settings: Settings
  readonly warn: (text: string) => void
  /** Gives up a call that has not begun. One that has begun goes on to its end. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Has a thread of this process perform an operation of the runtime, whose system calls block: in the event loop's own
 * thread a create would hold everything up for 20 milliseconds, and a hook for as long as it runs. Rejects with what the
 * operation throws. `args` is asked for when a thread is free, so that what it opens is not held open in a queue.
 */
export function inThread<N extends OperationName>(
  { settings, warn, signal }: CallOptions,
  name: N,
  args: () => readonly [...ArgumentsOf<N>],
): Promise<ResultOf<N>> {
  const caller = callerOf(inThread)
  let giveUp = () => {}
  return new Promise<ResultOf<N>>((resolve, reject) => {
    const order: Order = { settings, name, args, warn, caller, resolve: resolve as (value: unknown) => void, reject }
    giveUp = () => withdraw(order, signal?.reason)
    signal?.addEventListener('abort', giveUp)
    waiting.push(order)
    next()
  }).finally(() => signal?.removeEventListener('abort', giveUp))
}

function withdraw(order: Order, reason: unknown): void {
  const at = waiting.indexOf(order)
  if (at < 0) return
  waiting.splice(at, 1)
  order.reject(reason)
}

function next(): void {
  if (waiting.length === 0) return
  const thread = [...threads].find(({ order }) => order === undefined) ?? (threads.size < MOST ? launch() : undefined)
  if (thread !== undefined) perform(thread, waiting.shift()!)
}

function perform(thread: Thread, order: Order): void {
  const { settings, name, reject } = order
  try {
    const args = order.args()
    thread.order = order
    thread.worker.ref()
    thread.worker.postMessage({ settings, name, args } satisfies Job)
  } catch (error) {
    thread.order = undefined
    reject(error)
    next()
  }
}

function launch(): Thread {
  // None of the loaders that the program was started with are for it.
  const worker = new Worker(TSRUN_THREAD, {
    name: 'tsrun',
    eval: true,
    workerData: location(),
    env: SHARE_ENV,
    argv: [],
    execArgv: [],
  })
  const thread: Thread = { worker, order: undefined }
  threads.add(thread)
  const lost = (reason: unknown) => {
    threads.delete(thread)
    const { order } = thread
    thread.order = undefined
    if (order)
      order.reject(
        calledBy(new HostError(`${order.name}: the thread that did this has ended: ${reason}`), order.caller),
      )
    next()
  }
  worker.on('message', (message: ThreadMessage) => receive(thread, message))
  worker.on('error', lost)
  worker.on('exit', code => lost(`exit code ${code}`))
  return thread
}

function receive(thread: Thread, message: ThreadMessage): void {
  const { warn, caller, resolve, reject } = thread.order!
  if ('warning' in message) {
    warn(message.warning)
    return
  }
  thread.order = undefined
  // An idle thread keeps nobody from ending the process.
  thread.worker.unref()
  if ('error' in message) reject(receiveError(message.error, caller))
  else resolve(message.value)
  next()
}
