import type { Fd } from './fd.ts'
import type { Hole } from './kernels/hole.ts'
import type { Result } from './kernels/result.ts'

/** What a system call's argument may be; the machine puts it where the kernel can see it. */
export type Argument =
  | number
  | bigint
  | null // a null pointer
  | string // a NUL-terminated string
  | Uint8Array // bytes to read
  | Fd
  | Out // space to write to
  | Struct
  | Words
  | Hole // a word of a series
  | Result // the result of an earlier call
  | readonly string[] // argv and envp: pointers to strings, ended by a null pointer

/** Writes a 64-bit word, little endian. Numbers must be integers that a double holds exactly. */
export function put64(view: DataView, offset: number, value: number | bigint): void {
  if (typeof value === 'bigint') {
    view.setBigUint64(offset, value, true) // modulo 2^64
    return
  }
  view.setInt32(offset, value | 0, true)
  view.setInt32(offset + 4, Math.floor(value / 0x1_0000_0000), true)
}

/** Reads a signed 64-bit word as a number: system call results and addresses are below 2^53. */
export function get64(view: DataView, offset: number): number {
  return view.getInt32(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true)
}

/** Reads an unsigned 64-bit word with all its bits. */
export function getU64(view: DataView, offset: number): bigint {
  return view.getBigUint64(offset, true)
}

const NOTHING = new Uint8Array(0)

/** Space that a system call writes to: `size` zeroed bytes, or these. `bytes` holds what is there once the call was made. */
export class Out {
  readonly size: number
  readonly initial: Uint8Array | undefined
  bytes: Uint8Array
  /** Where the executor sees it, once a call with it is queued. */
  address = 0
  constructor(size: number | Uint8Array) {
    const given = typeof size !== 'number'
    this.size = given ? size.length : size
    this.initial = given ? size : undefined
    this.bytes = given ? size : NOTHING
  }
  get view(): DataView {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength)
  }
  /** Does the result of the call say how many bytes it wrote? */
  get upToResult(): boolean {
    return false
  }
}

/** Room for up to `size` bytes that a call writes; `bytes` is then as long as its result says. */
export class Room extends Out {
  override get upToResult(): boolean {
    return true
  }
}

/**
 * A C struct of up to six fields of 64 bits: numbers, pointers to strings, bytes or structs, descriptors. For what is passed
 * often: an interpreter makes one in a fraction of the time of a Struct.
 */
export class Words {
  readonly values: readonly Argument[]
  constructor(values: readonly Argument[]) {
    this.values = values
  }
}

/** A C struct to be passed in: zeroed bytes, fields set by offset, pointers to what follows it in memory. */
export class Struct {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly words: { offset: number; value: Argument }[] = []
  constructor(size: number) {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
  }
  u16(offset: number, value: number): this {
    this.view.setUint16(offset, value, true)
    return this
  }
  u32(offset: number, value: number): this {
    this.view.setUint32(offset, value, true)
    return this
  }
  u64(offset: number, value: number | bigint): this {
    put64(this.view, offset, value)
    return this
  }
  /** A 64-bit field filled when the call is made: a pointer to a string, bytes or struct, or a descriptor. */
  word(offset: number, value: Argument): this {
    this.words.push({ offset, value })
    return this
  }
}
