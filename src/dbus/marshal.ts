import { encode } from '../../native/utf8.ts'
import { alignment, fieldTypes, splitSignature, type DBusValue, type Variant } from './signature.ts'

/** Writes values as D-Bus has them on the wire, little endian. See D-Bus Specification, Marshaling (Wire Format). */
export class Writer {
  readonly bytes: number[] = []

  /** Zeroes up to a multiple of `size`. */
  align(size: number): void {
    while (this.bytes.length % size !== 0) this.bytes.push(0)
  }

  /** Values of the types of `signature`, one after the other. */
  all(signature: string, values: readonly DBusValue[]): void {
    splitSignature(signature).forEach((type, i) => {
      this.value(type, values[i]!)
    })
  }

  /** A value of one complete type. */
  value(type: string, value: DBusValue): void {
    this.align(alignment(type))
    const code = type[0]!
    const size = SIZES[code]
    if (size !== undefined) this.#integer(BigInt(value as number | bigint | boolean), size)
    else if (code === 'd') this.#push(new Uint8Array(new Float64Array([value as number]).buffer))
    else if (code === 's' || code === 'o') this.#string(encode(value as string), 4)
    else if (code === 'g') this.#string(encode(value as string), 1)
    else if (code === 'a') this.#array(type.slice(1), value as Uint8Array | readonly DBusValue[])
    else if (code === 'v') this.#variant(value as Variant)
    else
      fieldTypes(type).forEach((field, i) => {
        this.value(field, (value as readonly DBusValue[])[i]!)
      })
  }

  #push(bytes: Uint8Array): void {
    for (const byte of bytes) this.bytes.push(byte)
  }

  #integer(value: bigint, size: number): void {
    for (let i = 0n; i < size; i++) this.bytes.push(Number((value >> (8n * i)) & 0xffn))
  }

  /** The length, the text, a NUL. */
  #string(text: Uint8Array, lengthSize: number): void {
    this.#integer(BigInt(text.length), lengthSize)
    this.#push(text)
    this.bytes.push(0)
  }

  #variant({ signature, value }: Variant): void {
    this.value('g', signature)
    this.value(signature, value)
  }

  /** The length counts from the first element; the padding before that is there for an empty array, too. */
  #array(type: string, elements: Uint8Array | readonly DBusValue[]): void {
    const at = this.bytes.length
    this.#integer(0n, 4)
    this.align(alignment(type))
    const start = this.bytes.length
    for (const element of elements) this.value(type, element)
    const length = this.bytes.length - start
    for (let i = 0; i < 4; i++) this.bytes[at + i] = (length >> (8 * i)) & 0xff
  }
}

/** Bytes of whole numbers; a boolean takes four. */
const SIZES: Readonly<Record<string, number>> = { y: 1, n: 2, q: 2, i: 4, u: 4, b: 4, x: 8, t: 8 }
