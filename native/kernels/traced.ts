import { errnoName } from '../abi/errno.ts'
import { Fd } from '../fd.ts'
import { Out, Struct } from '../struct.ts'
import { decode } from '../utf8.ts'
import type { Argument, Call, Calls, Result } from './machine.ts'

const SHOWN = 64
/** Arguments of this size and more are flags, addresses and masks rather than counts, and read better in hex. */
const HEX_FROM = 0x100

interface Pending {
  readonly text: string
  readonly result: Result
  readonly since: number
}

/** An executor does not know results of what it has put off; see Operation in executor.ts. */
function isKnown(result: Result): boolean {
  return !('known' in result) || result.known === true
}

/**
 * Prints every call as strace(1) does, and passes it on to `calls`. Give `clock` in microseconds. What an executor has put
 * off is printed once it is done, at the next call: with the time since it was asked for, and as `= ?` when it belongs to a
 * chain whose results nobody gets.
 */
export function traced(calls: Calls, sink: (line: string) => void, clock: () => number): Calls {
  let pending: Pending[] = []

  const print = ({ text, result, since }: Pending) =>
    sink(isKnown(result) ? line(text, result.value, clock() - since) : `${text} = ?`)

  const settle = () => {
    const end = pending.findLastIndex(({ result }) => isKnown(result)) + 1
    pending.slice(0, end).forEach(print)
    pending = pending.slice(end)
  }

  const attempt = <T>(text: string, work: () => T): T => {
    try {
      return work()
    } catch (error) {
      pending.forEach(print)
      pending = []
      sink(`${text} = ${error instanceof Error ? error.message : error}`)
      throw error
    }
  }

  return {
    now(call) {
      const text = callText(call)
      const since = clock()
      const value = attempt(text, () => calls.now(call))
      const spent = clock() - since
      settle()
      sink(line(text, value, spent))
      return value
    },
    later(call) {
      const text = callText(call)
      const since = clock()
      const result = attempt(text, () => calls.later(call))
      pending.push({ text, result, since })
      settle()
      return result // itself: the executor hands its own results on to later calls
    },
    flush() {
      attempt('flush', () => calls.flush())
      settle()
    },
  }
}

function line(text: string, value: number, microseconds: number): string {
  const result = value < 0 ? `-1 ${errnoName(-value)}` : String(value)
  return `${text} = ${result} <${Math.round(microseconds)} us>`
}

/** `openat(-100, "/etc/passwd", 0x80000, 0)`. */
export function callText({ name, args }: Call): string {
  return `${name}(${args.map(argumentText).join(', ')})`
}

function argumentText(arg: Argument): string {
  if (arg === null) return 'NULL'
  if (typeof arg === 'bigint') return `0x${arg.toString(16)}`
  if (typeof arg === 'number') return arg < HEX_FROM ? String(arg) : `0x${arg.toString(16)}`
  if (typeof arg === 'string') return quoted(arg)
  if (arg instanceof Uint8Array) return quoted(decode(arg.subarray(0, SHOWN + 1)))
  if (arg instanceof Fd) return fdText(arg)
  if (arg instanceof Out) return `<${arg.bytes.length} bytes>`
  if (arg instanceof Struct) return structText(arg)
  if (Array.isArray(arg)) return `[${arg.map(quoted).join(', ')}]`
  return '<result>'
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, SHOWN)) + (text.length > SHOWN ? '...' : '')
}

/** The number is not asked for: in the executor nobody may know it yet. */
function fdText(fd: Fd): string {
  const { result } = fd
  return 'known' in result && !result.known ? `<${fd.subject}>` : `${fd.number}<${fd.subject}>`
}

function structText({ bytes, words }: Struct): string {
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
  const pointers = words.map(({ offset, value }) => `, +${offset} ${argumentText(value)}`).join('')
  return `{${hex.replace(/(00)+$/, '')}${pointers}}`
}
