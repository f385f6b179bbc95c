import { decode } from '../../native/utf8.ts'
import { Failure } from '../errors.ts'
import { alignment, fieldTypes, splitSignature, type DBusValue } from './signature.ts'

/** Reads values as D-Bus has them on the wire. Throws a Failure at what is malformed or ends too early. */
export class Reader {
  at = 0
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #little: boolean

  /** Alignment counts from the first byte of `bytes`. */
  constructor(bytes: Uint8Array, little: boolean) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#little = little
  }

  align(size: number): void {
    this.#take(-this.at & (size - 1))
  }

  /** One value for each complete type of `signature`. */
  all(signature: string): DBusValue[] {
    return splitSignature(signature).map(type => this.value(type))
  }

  value(type: string): DBusValue {
    this.align(alignment(type))
    const code = type[0]!
    const plain = PLAIN[code]
    if (plain !== undefined) return plain.read(this.#view, this.#take(plain.size), this.#little)
    if (code === 's' || code === 'o') return this.#string(this.#length())
    if (code === 'g') return this.#string(this.#bytes[this.#take(1)]!)
    if (code === 'a') return this.#array(type.slice(1))
    if (code === 'v') return this.#variant()
    return fieldTypes(type).map(field => this.value(field))
  }

  /** The offset of the next `size` bytes, which are passed. */
  #take(size: number): number {
    const at = this.at
    if (at + size > this.#bytes.length) throw new Failure('a D-Bus message ends too early')
    this.at += size
    return at
  }

  #length(): number {
    return this.#view.getUint32(this.#take(4), this.#little)
  }

  #string(length: number): string {
    const at = this.#take(length + 1)
    return decode(this.#bytes.subarray(at, at + length))
  }

  #variant(): DBusValue {
    const signature = this.value('g') as string
    const types = splitSignature(signature)
    if (types.length !== 1) throw new Failure(`a D-Bus message has a variant of type \`${signature}\``)
    return { signature, value: this.value(signature) }
  }

  #array(type: string): DBusValue {
    const length = this.#length()
    this.align(alignment(type))
    const end = this.at + length
    if (type === 'y') {
      const at = this.#take(length)
      return this.#bytes.slice(at, end)
    }
    const elements: DBusValue[] = []
    while (this.at < end) elements.push(this.value(type))
    if (this.at !== end) throw new Failure('a D-Bus message has an array of a wrong length')
    return elements
  }
}

interface Plain {
  readonly size: number
  readonly read: (view: DataView, at: number, little: boolean) => DBusValue
}

const PLAIN: Readonly<Record<string, Plain>> = {
  y: { size: 1, read: (view, at) => view.getUint8(at) },
  b: { size: 4, read: (view, at, little) => view.getUint32(at, little) !== 0 },
  n: { size: 2, read: (view, at, little) => view.getInt16(at, little) },
  q: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
  i: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
  u: { size: 4, read: (view, at, little) => view.getUint32(at, little) },
  x: { size: 8, read: (view, at, little) => view.getBigInt64(at, little) },
  t: { size: 8, read: (view, at, little) => view.getBigUint64(at, little) },
  d: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
}
