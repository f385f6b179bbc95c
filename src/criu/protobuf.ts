import { decode, encode } from '../../native/utf8.ts'

// The wire format of Protocol Buffers, as far as CRIU's messages use it: varints, strings, and messages in messages.
// A field is its number, shifted left by 3 bits, with the wire type in these, and then the value.

const VARINT = 0
const FIXED64 = 1
const LENGTH = 2
const FIXED32 = 5

/** The types that CRIU's messages are made of; an enum is an `int32`. */
type Scalar = 'bool' | 'int32' | 'uint32' | 'string'

/** A row of a message: the field's number and its type, in a list when it may occur more than once. */
type FieldRow = readonly [number: number, type: Scalar | MessageTable | readonly [Scalar | MessageTable]]

/** A message as a table: what `message { ... }` says in a .proto file. */
export interface MessageTable {
  readonly [name: string]: FieldRow
}

type ScalarValue<T> = T extends 'bool' ? boolean : T extends 'string' ? string : number
type TypeValue<T> = T extends Scalar ? ScalarValue<T> : T extends MessageTable ? MessageValue<T> : never
type FieldValue<T> = T extends readonly [infer One] ? readonly TypeValue<One>[] : TypeValue<T>

/** The values of a message; what is left out is not sent, and what did not come is undefined. */
export type MessageValue<M extends MessageTable> = {
  readonly [Name in keyof M]?: FieldValue<M[Name][1]> | undefined
}

type AnyValue = boolean | number | string | { readonly [name: string]: unknown }

/** Bytes of a message. Fields are written in the order of the table. */
export function encodeMessage<M extends MessageTable>(message: M, value: MessageValue<M>): Uint8Array {
  const bytes: number[] = []
  for (const [name, [number, type]] of Object.entries(message)) {
    const given = value[name] as AnyValue | readonly AnyValue[] | undefined
    if (given === undefined) continue
    const one = typeof type === 'object' && isList(type) ? type[0] : (type as Scalar | MessageTable)
    for (const item of Array.isArray(given) ? given : [given]) putField(bytes, number, one, item as AnyValue)
  }
  return new Uint8Array(bytes)
}

function isList(type: MessageTable | readonly [Scalar | MessageTable]): type is readonly [Scalar | MessageTable] {
  return Array.isArray(type)
}

function putField(bytes: number[], number: number, type: Scalar | MessageTable, value: AnyValue): void {
  const length = type === 'string' || typeof type === 'object'
  putVarint(bytes, (number << 3) | (length ? LENGTH : VARINT))
  if (!length) {
    putVarint(bytes, Number(value))
    return
  }
  const content = type === 'string' ? encode(value as string) : encodeMessage(type, value as MessageValue<MessageTable>)
  putVarint(bytes, content.length)
  for (const byte of content) bytes.push(byte)
}

/** 7 bits a byte, lowest first; a negative number is one of 64 bits. */
function putVarint(bytes: number[], value: number): void {
  if (value < 0) {
    let low = value
    for (let i = 0; i < 4; i++, low >>= 7) bytes.push((low & 0x7f) | 0x80)
    // The upper 36 bits of the 64 are ones; the last byte has bit 63 alone.
    bytes.push((low & 0x7f) | 0x80, 0xff, 0xff, 0xff, 0xff, 1)
    return
  }
  let rest = value
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80)
  bytes.push(rest)
}

/** Reads bytes from start to end. */
class WireReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** The lowest 32 bits of a varint, unsigned: no field of ours has more. */
  varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.take(1)[0]!
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
  }

  take(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('a message ends too early')
    const piece = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return piece
  }
}

/** The message in these bytes. Fields that the table does not know are skipped. Errors: RangeError for other bytes. */
export function decodeMessage<M extends MessageTable>(message: M, bytes: Uint8Array): MessageValue<M> {
  const byNumber = new Map(Object.entries(message).map(([name, [number, type]]) => [number, { name, type }]))
  const value: Record<string, unknown> = {}
  for (const reader = new WireReader(bytes); !reader.done; ) {
    const tag = reader.varint()
    const raw = readRaw(reader, tag & 7)
    const field = byNumber.get(tag >>> 3)
    if (field === undefined) continue
    const { name, type } = field
    if (typeof type === 'object' && isList(type)) {
      const before = (value[name] ?? []) as unknown[]
      value[name] = [...before, understand(type[0], raw)]
    } else value[name] = understand(type as Scalar | MessageTable, raw)
  }
  return value as MessageValue<M>
}

function readRaw(reader: WireReader, wire: number): number | Uint8Array {
  if (wire === VARINT) return reader.varint()
  if (wire === LENGTH) return reader.take(reader.varint())
  if (wire === FIXED64) return reader.take(8)
  if (wire === FIXED32) return reader.take(4)
  throw new RangeError(`wire type ${wire} is none`)
}

function understand(type: Scalar | MessageTable, raw: number | Uint8Array): unknown {
  if (typeof raw === 'number') return type === 'bool' ? raw !== 0 : type === 'int32' ? raw | 0 : raw
  return type === 'string' ? decode(raw) : decodeMessage(type as MessageTable, raw)
}
