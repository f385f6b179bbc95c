import { errnoName } from '../abi/errno.ts'
import { AT_FDCWD } from '../abi/fcntl.ts'
import { currentPhrase, KernelError, type Phrase } from '../failure.ts'
import { Fd } from '../fd.ts'
import { type Argument, getU64, Out, Struct, Words } from '../struct.ts'
import { decode } from '../utf8.ts'
import { type Call, type Calls, tolerates } from './machine.ts'
import { knownResult } from './result.ts'

const SHOWN = 64
/** Arguments of this size and more are flags, addresses and masks rather than counts, and read better in hex. */
const HEX_FROM = 0x100
/** Which argument of a call is a mode, for which octal digits are usual. */
const MODES: Readonly<Record<string, number>> = { fchmodat: 2, mkdirat: 2, mknodat: 2, openat: 3, umask: 0 }
/** Which arguments are numbers even if they are large: ids and sizes. */
const NUMBERS: Readonly<Record<string, readonly number[]>> = {
  fchownat: [2, 3],
  ftruncate: [1],
  getdents64: [2],
  kill: [0],
  mmap: [1],
  munmap: [0],
  pidfd_open: [0],
  prlimit64: [0],
  read: [2],
  readlinkat: [3],
  sendfile: [3],
  setresgid: [0, 1, 2],
  setresuid: [0, 1, 2],
  wait4: [0],
  write: [2],
}

/** A call that was made. */
export interface MadeCall {
  /** What an engine does by itself (posix_spawn) is shown like a system call. */
  readonly call: Omit<Call, 'name'> & { readonly name: string }
  /** What was being done when the call was asked for. */
  readonly phrase: Phrase | undefined
  /** Nanoseconds. */
  readonly start: number
  readonly end: number
  /** Undefined for a call that has not returned, as an execve that works. */
  readonly result: number | undefined
}

/** How a call ended: `tolerated` is an error that it takes as an answer. */
export type CallOutcome = 'good' | 'tolerated' | 'failed' | 'unknown'

export function outcome({ call, result }: Pick<MadeCall, 'call' | 'result'>): CallOutcome {
  if (result === undefined) return 'unknown'
  if (result < 0) return tolerates(call, result) ? 'tolerated' : 'failed'
  const unexpected = (result === 0 && call.expect === 'positive') || (result > 0 && call.expect === 'zero')
  return unexpected ? 'failed' : 'good'
}

/** Reports every call to `made` and passes it on to a machine that makes calls at once. `clock` in nanoseconds. */
export function traced(calls: Calls, made: (call: MadeCall) => void, clock: () => number): Calls {
  const now = (call: Call): number => {
    const phrase = currentPhrase()
    const start = clock()
    let result: number | undefined
    try {
      result = calls.now(call)
      return result
    } catch (error) {
      if (error instanceof KernelError) result = -error.errno
      throw error
    } finally {
      made({ call, phrase, start, end: clock(), result })
    }
  }
  const { side, lacking } = calls
  return {
    side,
    lacking,
    descriptors: (first, last) => calls.descriptors(first, last),
    now,
    later: call => knownResult(now(call)),
    again: (_, words, work) => work(...words),
    begin: () => calls.begin(),
    flush: () => calls.flush(),
  }
}

/** `mkdirat(AT_FDCWD, "/run/tsrun", 0x1c0) = -1 EEXIST`, as strace(1) shows it. */
export function madeText({ call, result }: Pick<MadeCall, 'call' | 'result'>): string {
  return `${callText(call)} = ${resultText(result)}`
}

export function resultText(result: number | undefined): string {
  if (result === undefined) return '?'
  return result < 0 ? `-1 ${errnoName(-result)}` : String(result)
}

/** `openat(AT_FDCWD, "/etc/passwd", 0x80000, 0)`. */
export function callText({ name, args }: Pick<MadeCall['call'], 'name' | 'args'>): string {
  const texts = args.map((arg, i) => (typeof arg === 'number' ? numberText(name, i, arg) : argumentText(arg)))
  // Environments hold secrets.
  if (name === 'execve' && Array.isArray(args[2])) texts[2] = `/* ${args[2].length} vars */`
  return `${name}(${texts.join(', ')})`
}

function numberText(name: string, i: number, number: number): string {
  if (number === AT_FDCWD) return 'AT_FDCWD'
  if (MODES[name] === i) return `0${number.toString(8)}`
  return NUMBERS[name]?.includes(i) || number < HEX_FROM ? String(number) : hex(number)
}

function hex(number: number | bigint): string {
  return `0x${number.toString(16)}`
}

function argumentText(arg: Argument): string {
  if (arg === null) return 'NULL'
  if (typeof arg === 'number' || typeof arg === 'bigint') return hex(arg)
  if (typeof arg === 'string') return quoted(arg)
  if (arg instanceof Uint8Array) return quoted(decode(arg.subarray(0, SHOWN + 1)))
  if (arg instanceof Fd) return fdText(arg)
  if (arg instanceof Out) return `<${arg.size} bytes>`
  if (arg instanceof Struct) return structText(arg)
  if (arg instanceof Words) return fieldsText(arg.values.map(argumentText))
  if (Array.isArray(arg)) return `[${arg.map(quoted).join(', ')}]`
  return '<result>'
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, SHOWN)) + (text.length > SHOWN ? '...' : '')
}

/** The number is not asked for: in the executor nobody may know it yet. */
function fdText(fd: Fd): string {
  const { result } = fd
  return result.known === undefined ? `<${fd.subject}>` : `${fd.number}<${fd.subject}>`
}

/** `{0x280000, 0x0, 0x12}`: its 64-bit words, but for the last ones that are zero. */
function structText({ bytes, view, words }: Struct): string {
  const texts: string[] = []
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const pointer = words.find(({ offset }) => offset === at)
    texts.push(pointer === undefined ? hex(getU64(view, at)) : argumentText(pointer.value))
  }
  return fieldsText(texts)
}

function fieldsText(texts: readonly string[]): string {
  const end = texts.findLastIndex(text => text !== '0x0') + 1
  return `{${texts.slice(0, end).join(', ')}}`
}
