import { EAGAIN, errnoName } from '../abi/errno.ts'
import { CLOCK_MONOTONIC } from '../abi/time.ts'
import { type CallNumbers, callNumbers } from '../arch/numbers.ts'
import { openDescriptors } from '../calls/file.ts'
import { KernelError } from '../failure.ts'
import { Fd } from '../fd.ts'
import type { Host } from '../host.ts'
import { tellSlow } from '../patience.ts'
import { type Argument, get64, Out } from '../struct.ts'
import { isDisturbed, Persistence, persistenceFor } from './again.ts'
import type { Varying, Work } from './hole.ts'
import { type Call, type Calls, isRefused, possible, tolerates } from './machine.ts'
import { type Marshaller, native, putArguments, putWord, resultOf, Space, takeOut } from './marshal.ts'
import { knownResult, type Result } from './result.ts'

/** Bytes of the six arguments of a call. */
const WORDS = 48

/** Room for the arguments of one call; reads and writes of files go through it in pieces of at most half of it. */
export const DIRECT_SPACE = 1 << 20

/** Makes system calls in the planner's own process, one by one. */
export class DirectCalls implements Calls, Marshaller {
  readonly side = 'outside'
  readonly space: Space
  readonly address: number
  readonly from = 0
  readonly lacking = new Set<Call['name']>()
  readonly #host: Host
  readonly #numbers: CallNumbers
  #outs: { out: Out; offset: number }[] = []

  constructor(host: Host) {
    this.#host = host
    this.#numbers = callNumbers[host.arch]
    const memory = host.allocate(DIRECT_SPACE)
    this.address = memory.address
    this.space = new Space(memory, 0)
  }

  /** As short as it can be when all goes well: an interpreter makes hundreds of calls for a container. */
  now(call: Call): number {
    const wanted = this.lacking.size > 0 ? possible(call, this.lacking) : call
    if (wanted !== call) return this.now(wanted)
    const result = call.name === 'load' ? this.#load(call) : this.#perform(call)
    return result >= 0 ? result : this.#refused(call, result)
  }

  /** What becomes of a call that the kernel has said no to. */
  #refused(call: Call, first: number): number {
    const result = isDisturbed(call, first) ? this.#persist(call) : first
    if (result >= 0) return result
    const isKnown = this.lacking.has(call.name)
    if (isRefused(this.lacking, call, result) && !isKnown) return this.now(call)
    if (tolerates(call, result)) return result
    const other = call.instead?.(-result)
    if (other === undefined) throw kernelError(call, -result)
    return this.now(other)
  }

  later(call: Call): Result {
    return knownResult(this.now(call))
  }

  again<const W extends readonly Varying[]>(_: string, words: W, work: Work<W>): readonly Result[] {
    return work(...words)
  }

  descriptors(first: number, last: number): Iterable<number> | undefined {
    return openDescriptors(this)?.filter(fd => fd >= first && fd <= last)
  }

  begin(): void {}

  flush(): void {}

  #persist(call: Call): number {
    const persistence = new Persistence(
      () => this.#milliseconds(),
      () => tellSlow(callName(call)),
      persistenceFor(call),
    )
    let result = -EAGAIN
    while (isDisturbed(call, result) && persistence.lasts) result = this.#perform(call)
    return result
  }

  #milliseconds(): number {
    const out = new Out(16)
    this.#perform({ name: 'clock_gettime', args: [CLOCK_MONOTONIC, out] })
    return get64(out.view, 0) * 1e3 + get64(out.view, 8) / 1e6
  }

  #perform({ name, args }: Call): number {
    const { space, address } = this
    const number = this.#numbers[name as keyof CallNumbers]
    if (native !== undefined) {
      const result = native.perform(space.bytes, this.side, address, 0, space.base, number, args)
      if (result !== undefined) return result
    }
    space.top = space.base
    if (this.#outs.length > 0) this.#outs = []
    const result = this.#made(number, args)
    if (this.#outs.length > 0) for (const { out, offset } of this.#outs) takeOut(this.space, out, offset, result)
    return result
  }

  #made(number: number, args: readonly Argument[]): number {
    if (this.#host.syscallAt === undefined)
      return this.#host.syscall(
        number,
        args.map(arg => this.#word(arg)),
      )
    const at = this.space.allocate(WORDS)
    this.space.clear(at, WORDS)
    putArguments(this, at, args)
    return this.#host.syscallAt(number, this.address + at)
  }

  #word(arg: Argument): number | bigint {
    if (typeof arg === 'number' || typeof arg === 'bigint') return arg
    if (typeof arg === 'string') return this.address + this.space.string(arg)
    if (arg === null) return 0
    if (arg instanceof Fd) return resultOf(this, arg).value
    const at = this.space.allocate(8)
    putWord(this, at, arg)
    return this.space.get(at)
  }

  #load(call: Call): number {
    return (call.args[0] as Out).view.getInt32(0, true)
  }

  out(out: Out, offset: number): void {
    this.#outs.push({ out, offset })
  }

  result(result: Result, offset: number): void {
    this.space.put(offset, result.value)
  }
}

/** What a call is, in a sentence. */
export function callName({ name: made, standsFor, subject }: Call): string {
  const name = standsFor ?? made
  return subject === undefined ? name : `${name} ${subject}`
}

/** The error of a failed call, with the hint that the caller knows for this errno. */
export function kernelError(
  call: Call,
  errno: number,
  phrase?: ConstructorParameters<typeof KernelError>[4],
): KernelError {
  return new KernelError(call.standsFor ?? call.name, errno, call.subject, call.hint?.[errnoName(errno)], phrase)
}
