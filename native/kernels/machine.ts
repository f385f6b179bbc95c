import { EINVAL, ENOSYS, EPERM } from '../abi/errno.ts'
import type { CallName } from '../arch/numbers.ts'
import type { Side } from '../fd.ts'
import { type Argument, Out, put64 } from '../struct.ts'
import type { Varying, Work } from './hole.ts'
import type { Result } from './result.ts'

/** One system call to make. */
export interface Call {
  /** `load` is no system call: it reads the word that its argument points to (see executor/protocol.ts). */
  readonly name: CallName | 'load'
  readonly args: readonly Argument[]
  /** The call that messages name. */
  readonly standsFor?: CallName
  /** What it is about, for the message: a path, a mount point. */
  readonly subject?: string | undefined
  /** A remark for the message that says what this errno usually means here. */
  readonly hint?: Readonly<Record<string, string>> | undefined
  /** Errnos (positive) that are no failure: the result is then -errno. */
  readonly tolerate?: readonly number[] | 'any' | undefined
  /**
   * Asked after a failure that is not tolerated: the call to make in its place, after whatever had to be done before, or
   * undefined when it is a failure. What was deferred after it then goes on. Not for a call that tolerates an errno.
   */
  readonly instead?: ((errno: number) => Call | undefined) | undefined
  /**
   * Gives, for this call, the one that does the same where this one is denied or missing, after whatever has to be done before; undefined when
   * there is none in this place. Only for calls to which the kernel itself never says EPERM.
   */
  readonly older?: ((call: Call) => Call | undefined) | undefined
  /** Only this kind of result is a success; for the words of a failure see `unexpected`. */
  readonly expect?: 'positive' | 'zero' | undefined
  readonly unexpected?: string | undefined
  /** What the one that this is about has printed, ended by a zero byte. Only a tail tells of it. */
  readonly said?: Out | undefined
}

/**
 * Who makes system calls: this process, the executor, a test. `now` answers; `later` may be done together with what
 * follows, so it is for calls whose result only other calls need. Failures are thrown as KernelError, by `later` possibly
 * at a following `now`, `begin` or `flush`, with the phrases of the moment when the call was asked for.
 */
export interface Calls {
  /** Whose descriptors it opens and takes. */
  readonly side: Side
  /**
   * What a filter around this process denies, or an old kernel lacks, as far as that has been found out by trying: other
   * calls do the same from then on. A process never gets back what it may not call.
   */
  readonly lacking: Set<Call['name']>
  /** The descriptors from `first` to `last` that may be open, for where close_range(2) is denied; undefined when that can not be known. */
  descriptors(first: number, last: number): Iterable<number> | undefined
  now(call: Call): number
  later(call: Call): Result
  /**
   * Does `work`, which asks with later() for calls that differ from those it asked for under this name before in nothing but
   * these words. Returns the results that it names: the same ones each time. Nothing that a call writes to memory comes back.
   */
  again<const W extends readonly Varying[]>(name: string, words: W, work: Work<W>): readonly Result[]
  /** Has what was asked for done, while the caller goes on with something else. */
  begin(): void
  /** Has it done and waits. */
  flush(): void
}

/** Is this negative result one that the call takes as an answer? */
export function tolerates(call: Pick<Call, 'tolerate'>, result: number): boolean {
  return call.tolerate === 'any' || (call.tolerate?.includes(-result) ?? false)
}

/** The call to make where this one is asked for. */
export function possible(call: Call, lacking: ReadonlySet<Call['name']>): Call {
  if (lacking.size === 0 || call.older === undefined || !lacking.has(call.name)) return call
  return call.older(call) ?? call
}

/** Does this result say that the call is denied or missing, and is there an older one? Remembers that it is. */
export function isRefused(lacking: Set<Call['name']>, { name, older }: Call, result: number): boolean {
  const isOld = result === -EINVAL && name === 'close_range' // CLOSE_RANGE_CLOEXEC is of Linux 5.11
  if ((result !== -EPERM && result !== -ENOSYS && !isOld) || older === undefined) return false
  lacking.add(name)
  return true
}

/** No call at all: one that gives this result. */
export function settled(value: number, about?: Pick<Call, 'subject' | 'tolerate'>): Call {
  const word = new Out(new Uint8Array(8))
  put64(word.view, 0, value)
  return { name: 'load', args: [word], ...about }
}
