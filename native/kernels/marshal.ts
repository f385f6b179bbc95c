import { Fd } from '../fd.ts'
import type { Memory } from '../host.ts'
import { Out, put64, Struct } from '../struct.ts'
import { byteBound, encodeInto } from '../utf8.ts'
import type { Argument, Result } from './machine.ts'

/** The memory of an engine or an arena, given out from bottom to top and taken back all at once. */
export class Space {
  readonly memory: Memory
  readonly size: number
  /** Everything below stays when the space is taken back. */
  base: number
  top: number

  constructor(memory: Memory, base: number) {
    this.memory = memory
    this.size = memory.bytes.length
    this.base = base
    this.top = base
  }

  /** Room for `size` bytes at a multiple of 8; returns its offset. */
  allocate(size: number): number {
    const at = this.top
    const end = (at + size + 7) & ~7
    if (end > this.size) throw new RangeError(`a call needs ${size} bytes where ${this.size - at} are left`)
    this.top = end
    return at
  }

  /** Puts a NUL-terminated string there; returns its offset. */
  string(text: string): number {
    const bound = byteBound(text)
    if (this.top + bound + 9 > this.size) throw new RangeError(`a string of ${text.length} characters does not fit`)
    const at = this.top
    const end = encodeInto(this.memory.bytes, at, text)
    this.memory.bytes[end] = 0
    this.top = (end + 8) & ~7
    return at
  }
}

/** Where the machine learns of the things that it must look after beyond plain bytes. */
export interface Marshaller {
  readonly space: Space
  /** The address at which the kernel sees offset 0 of the space. */
  readonly address: number
  /** `out` lies at `offset`: copy it back after the call. */
  out(out: Out, offset: number): void
  /** The word at `offset` is to become the result of an earlier call. */
  result(result: Result, offset: number): void
}

/** Writes the word at `offset` that stands for `value`, and puts what it points to into memory. */
export function putWord(m: Marshaller, offset: number, value: Argument): void {
  const view = m.space.memory.view
  if (typeof value === 'number' || typeof value === 'bigint') put64(view, offset, value)
  else if (value === null) put64(view, offset, 0)
  else if (value instanceof Fd) m.result(value.result, offset)
  else {
    const target = putObject(m, value)
    if (target === undefined) m.result(value as Result, offset)
    else put64(view, offset, m.address + target)
  }
}

function putObject(m: Marshaller, value: Exclude<Argument, number | bigint | null | Fd>): number | undefined {
  if (typeof value === 'string') return m.space.string(value)
  if (value instanceof Uint8Array) return putBytes(m, value)
  if (value instanceof Out) {
    const at = putBytes(m, value.bytes)
    value.address = m.address + at
    m.out(value, at)
    return at
  }
  if (value instanceof Struct) return putStruct(m, value)
  if (Array.isArray(value)) return putStrings(m, value)
  return undefined
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
  for (let i = 0; i < strings.length; i++)
    put64(m.space.memory.view, at + 8 * i, m.address + m.space.string(strings[i]!))
  put64(m.space.memory.view, at + 8 * strings.length, 0)
  return at
}
