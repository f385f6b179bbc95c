import { Failure, NoRoom } from '../failure.ts'
import { Fd, type Side } from '../fd.ts'
import type { Memory } from '../host.ts'
import { type Argument, Out, Struct, Words } from '../struct.ts'
import { byteBound, encodeInto } from '../utf8.ts'
import { Hole, type Varying } from './hole.ts'
import type { Result } from './result.ts'

/** Where words go, see Marshaller: memory, whose side that is, the address of its offset 0, `from`, and the first free byte. */
type WordsTarget = [bytes: Uint8Array, side: Side, address: number, from: number, top: number]

/** What an engine may do faster than an interpreter, which takes microseconds for the arguments of one call. */
export interface NativeWords {
  /**
   * Writes the words that stand for up to six `values` to `bytes` from offset `at` on: numbers, bigints, null, descriptors
   * of this side that are known, Words of such, and ASCII strings, which are copied to `top` and behind it, with `address` as
   * that of offset 0. Returns the new top * 64, plus a bit for each value that it left out.
   */
  putWords(...words: [...WordsTarget, at: number, values: readonly Argument[]]): number
  /**
   * Does so for an operation of the executor, see executor/protocol.ts, that it puts at `top`, with the words of its
   * arguments and everything else zero or not done yet. Descriptors may be the results of operations from `from` on. Returns
   * -1 where there is no room for the operation itself.
   */
  putOperation(...operation: [...WordsTarget, number: number, values: readonly Argument[]]): number
  /**
   * Makes a system call with such arguments, or Outs without initial bytes, put at `top`. Returns its result, or undefined
   * where a value is left out.
   */
  perform(...call: [...WordsTarget, number: number, values: readonly Argument[]]): number | undefined
  /**
   * Links operations and members of series, see ExecutorCalls. Returns how many have branches of their own, which are still to be
   * written; -1 where there is something else.
   */
  link(bytes: Uint8Array, address: number, operations: readonly object[], end: number, fail: number): number
  /** Takes the results of those from number `from` on that are as they should be. Returns the number of the first other. */
  settle(bytes: Uint8Array, operations: readonly object[], from: number): number
  /** What putForm() does with known descriptors and ASCII texts. Returns the new top, or -1 for others and for too little room. */
  putForm(
    ...form: [
      ...WordsTarget,
      ...form: [words: Int32Array, addresses: Int32Array, holes: Int32Array],
      values: readonly Varying[],
    ]
  ): number
}

/** A piece of memory that is put elsewhere again and again, with other values in it. */
export interface Form {
  /** As many as fill 64-bit words. */
  readonly words: Int32Array
  /** Which of these are addresses in it, as if it began at 0. */
  readonly addresses: Int32Array
  /** For each value in how many places it is, and these: the first words of 64-bit words. */
  readonly holes: Int32Array
}

/** What the engine does faster, if anything. */
export let native: NativeWords | undefined

/** To be called by a host that has these. */
export function useNativeWords(words: NativeWords | undefined): void {
  native = words
}

/** The memory of an engine or an arena, given out from bottom to top and taken back all at once. */
export class Space {
  readonly memory: Memory
  readonly bytes: Uint8Array
  readonly size: number
  /** Everything below stays when the space is taken back. */
  base: number
  top: number
  /** The same memory as 32-bit words: an interpreter stores these four times as fast as through a DataView. */
  readonly words: Int32Array

  constructor(memory: Memory, base: number) {
    this.memory = memory
    this.bytes = memory.bytes
    this.size = memory.bytes.length
    this.base = base
    this.top = base
    this.words = new Int32Array(memory.bytes.buffer, memory.bytes.byteOffset, this.size >> 2)
  }

  /** Writes a 64-bit word at a multiple of 8. Numbers must be integers that a double holds exactly. */
  put(offset: number, value: number | bigint): void {
    const { words } = this
    const at = offset >> 2
    if (typeof value === 'number') {
      words[at] = value // modulo 2^32
      words[at + 1] = value === (value | 0) ? value >> 31 : Math.floor(value / 0x1_0000_0000)
    } else {
      words[at] = Number(BigInt.asIntN(32, value))
      words[at + 1] = Number(BigInt.asIntN(32, value >> 32n))
    }
  }

  /** Reads a signed 64-bit word, which fits into a double: results and addresses do. */
  get(offset: number): number {
    const at = offset >> 2
    return this.words[at + 1]! * 0x1_0000_0000 + (this.words[at]! >>> 0)
  }

  /** Zeroes `size` bytes from `offset` on, both multiples of 8. */
  clear(offset: number, size: number): void {
    this.words.fill(0, offset >> 2, (offset + size) >> 2)
  }

  /** Room for `size` bytes at a multiple of 8; returns its offset. */
  allocate(size: number): number {
    const at = this.top
    const end = (at + size + 7) & ~7
    if (end > this.size) throw new NoRoom(size, this.size - at)
    this.top = end
    return at
  }

  /** Puts a NUL-terminated string there; returns its offset. */
  string(text: string): number {
    const bound = byteBound(text)
    if (this.top + bound + 9 > this.size) throw new NoRoom(bound + 1, this.size - this.top)
    const at = this.top
    const end = encodeInto(this.memory.bytes, at, text)
    this.memory.bytes[end] = 0
    this.top = (end + 8) & ~7
    return at
  }
}

/** Where the machine learns of the things that it must look after beyond plain bytes. */
export interface Marshaller {
  readonly side: Side
  readonly space: Space
  /** The address at which the kernel sees offset 0 of the space. */
  readonly address: number
  /** An argument may be the result of an operation from this offset on, which is asked for when the call is made. */
  readonly from: number
  /** `out` lies at `offset`: copy it back after the call. */
  out(out: Out, offset: number): void
  /** The word at `offset` is to become the result of an earlier call. */
  result(result: Result, offset: number): void
}

/** Takes what a call left for `out` at `offset`. */
export function takeOut({ memory }: Space, out: Out, offset: number, result: number): void {
  const length = out.upToResult ? Math.max(result, 0) : out.size
  out.bytes = memory.bytes.slice(offset, offset + length)
}

/** Writes the words that stand for the arguments of a call from `at` on, and puts what they point to into memory. */
export function putArguments(m: Marshaller, at: number, values: readonly Argument[]): void {
  let left = (1 << values.length) - 1
  if (native !== undefined) {
    const { space } = m
    const done = native.putWords(space.bytes, m.side, m.address, m.from, space.top, at, values)
    space.top = done >> 6
    left = done & 0x3f
    if (left === 0) return
  }
  putLeft(m, at, values, left)
}

/** Writes those of the words from `at` on of which there is a bit in `left`. */
export function putLeft(m: Marshaller, at: number, values: readonly Argument[], left: number): void {
  for (let i = 0; left !== 0; i++, left >>= 1) if ((left & 1) !== 0) putWord(m, at + 8 * i, values[i]!)
}

/** What stands for a descriptor. Errors: Failure for one of the other side, where its number is another file, or none. */
export function resultOf({ side }: Pick<Marshaller, 'side'>, fd: Fd): Result {
  if (fd.side !== side) throw new Failure(`\`${fd.subject}\` is a descriptor of the other side`)
  return fd.result
}

/** Writes the word at `offset` that stands for `value`, and puts what it points to into memory. */
export function putWord(m: Marshaller, offset: number, value: Argument): void {
  // Compared, since `instanceof` is a search of many steps; descriptors first, which are most of what an engine leaves.
  if (typeof value === 'object' && value !== null) {
    if (value.constructor === Fd) m.result(resultOf(m, value as Fd), offset)
    else putReference(m, offset, value as Exclude<typeof value, Fd>)
  } else if (typeof value === 'string') m.space.put(offset, m.address + m.space.string(value))
  else m.space.put(offset, value ?? 0)
}

function putReference(m: Marshaller, offset: number, value: Exclude<Parameters<typeof putObject>[1], Fd> | Hole): void {
  if (value instanceof Hole) {
    value.places.push(offset)
    m.space.put(offset, value.value)
    return
  }
  const target = putObject(m, value)
  if (target === undefined) m.result(value as Result, offset)
  else m.space.put(offset, m.address + target)
}

function putObject(
  m: Marshaller,
  value: Exclude<Argument, number | bigint | string | null | Fd | Hole>,
): number | undefined {
  if (value.constructor === Words) {
    const { values } = value as Words
    const at = m.space.allocate(8 * values.length)
    putArguments(m, at, values)
    return at
  }
  if (value instanceof Uint8Array) return putBytes(m, value)
  if (value instanceof Out) {
    const at = putOut(m.space, value)
    value.address = m.address + at
    m.out(value, at)
    return at
  }
  if (value instanceof Struct) return putStruct(m, value)
  if (Array.isArray(value)) return putStrings(m, value)
  return undefined
}

function putOut(space: Space, out: Out): number {
  const at = space.allocate(out.size)
  if (out.initial !== undefined) space.memory.bytes.set(out.initial, at)
  else if (!out.upToResult) space.clear(at, (out.size + 7) & ~7)
  return at
}

function putBytes(m: Marshaller, bytes: Uint8Array): number {
  const at = m.space.allocate(bytes.length)
  m.space.memory.bytes.set(bytes, at)
  return at
}

function putStruct(m: Marshaller, struct: Struct): number {
  const at = putBytes(m, struct.bytes)
  for (const { offset, value } of struct.words) putWord(m, at + offset, value)
  return at
}

function putStrings(m: Marshaller, strings: readonly string[]): number {
  const at = m.space.allocate(8 * (strings.length + 1))
  for (let i = 0; i < strings.length; i++) m.space.put(at + 8 * i, m.address + m.space.string(strings[i]!))
  m.space.put(at + 8 * strings.length, 0)
  return at
}

/**
 * Puts a copy of the form at the top of the space, with these values in its holes; texts go behind it. Returns its offset, or
 * undefined, and puts none, when a descriptor is not known.
 */
export function putForm(
  m: Marshaller,
  { words, addresses, holes }: Form,
  values: readonly Varying[],
): number | undefined {
  const { space, side, address, from } = m
  const { top, bytes } = space
  const end =
    native === undefined ? -1 : native.putForm(bytes, side, address, from, top, words, addresses, holes, values)
  if (end >= 0) {
    space.top = end
    return top
  }
  const numbers = values.map(value => (typeof value === 'string' ? 0 : resultOf(m, value).known))
  if (numbers.includes(undefined)) return undefined
  const offset = space.allocate(4 * words.length)
  const first = offset >> 2
  space.words.set(words, first)
  for (const at of addresses) space.words[first + at]! += address + offset
  let at = 0
  for (const [i, value] of values.entries()) {
    const word = typeof value === 'string' ? address + space.string(value) : numbers[i]!
    for (let places = holes[at++]!; places > 0; places--) space.put((first + holes[at++]!) << 2, word)
  }
  return offset
}
