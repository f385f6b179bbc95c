import { fileCalls, wholeFileCalls } from './calls/file.ts'
import { identityCalls } from './calls/identity.ts'
import { memoryCalls } from './calls/memory.ts'
import { mountCalls } from './calls/mount.ts'
import { processCalls } from './calls/process.ts'
import { schedulingCalls } from './calls/scheduling.ts'
import { signalCalls } from './calls/signal.ts'
import { socketCalls } from './calls/socket.ts'
import { terminalCalls } from './calls/terminal.ts'
import type { Fd, Side } from './fd.ts'
import type { Varying, Work } from './kernels/hole.ts'
import type { Call, Calls } from './kernels/machine.ts'
import type { Result } from './kernels/result.ts'

/**
 * The kernel as the runtime sees it: typed calls by subject. Who makes them is the machine behind it: this process
 * (`outside`), the executor in the container's namespaces (`inside`), a test. Everything goes through here, so a test or
 * a trace sees everything.
 */
// biome-ignore lint/suspicious/noExplicitAny: as for Fd
export type Kernel<S extends Side = any> = Calls & { readonly side: S } & OnSide<TypedCalls, S>

type TypedCalls = typeof fileCalls &
  typeof wholeFileCalls &
  typeof memoryCalls &
  typeof mountCalls &
  typeof processCalls &
  typeof schedulingCalls &
  typeof identityCalls &
  typeof signalCalls &
  typeof socketCalls &
  typeof terminalCalls

/** The same methods for the descriptors of one process. */
type OnSide<T, S extends Side> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: Sided<A, S>) => Sided<R, S> : T[K]
}

type Sided<T, S extends Side> = T extends Fd
  ? Fd<S>
  : T extends readonly unknown[]
    ? { [K in keyof T]: Sided<T[K], S> }
    : T

class KernelOver implements Calls {
  readonly #machine: Calls
  constructor(machine: Calls) {
    this.#machine = machine
  }
  get side(): Side {
    return this.#machine.side
  }
  get lacking(): Set<Call['name']> {
    return this.#machine.lacking
  }
  descriptors(first: number, last: number): Iterable<number> | undefined {
    return this.#machine.descriptors(first, last)
  }
  now(call: Call): number {
    return this.#machine.now(call)
  }
  later(call: Call): Result {
    return this.#machine.later(call)
  }
  again<const W extends readonly Varying[]>(name: string, words: W, work: Work<W>): readonly Result[] {
    return this.#machine.again(name, words, work)
  }
  begin(): void {
    this.#machine.begin()
  }
  flush(): void {
    this.#machine.flush()
  }
}

Object.assign(
  KernelOver.prototype,
  fileCalls,
  wholeFileCalls,
  memoryCalls,
  mountCalls,
  processCalls,
  schedulingCalls,
  identityCalls,
  signalCalls,
  socketCalls,
  terminalCalls,
)

/** The typed calls over a machine. */
// biome-ignore lint/suspicious/noExplicitAny: as for Fd
export function createKernel<S extends Side = any>(machine: Calls): Kernel<S> {
  return new KernelOver(machine) as unknown as Kernel<S>
}
