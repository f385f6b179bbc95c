// As much of the encoding of Protocol Buffers as messages of the CRI need: numbers, texts, messages, lists and maps.

/** A field's number, and for a message what is in it. */
export type Fields = { readonly [name: string]: number | readonly [number, Fields | 'map' | 'bytes'] }

export type Value =
  | string
  | number
  | boolean
  | Buffer
  | { readonly [name: string]: Value | undefined }
  | readonly Value[]
export type Message = { readonly [name: string]: Value | undefined }

const VARINT = 0
const LENGTH = 2

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = BigInt(value)
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128)
  return Buffer.from([...bytes, Number(rest)])
}

function entry(number: number, content: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | LENGTH), varint(content.length), content])
}

function field(number: number, inner: Fields | 'map' | 'bytes' | undefined, value: Value): Buffer {
  if (Array.isArray(value)) return Buffer.concat(value.map(item => field(number, inner, item)))
  if (typeof value === 'string') return entry(number, Buffer.from(value))
  if (typeof value === 'number' || typeof value === 'boolean')
    return Buffer.concat([varint((number << 3) | VARINT), varint(Number(value))])
  if (Buffer.isBuffer(value)) return entry(number, value)
  if (inner !== 'map') return entry(number, encode(inner as Fields, value as Message))
  const pairs = Object.entries(value as Message)
  return Buffer.concat(pairs.map(([key, item]) => entry(number, encode({ key: 1, value: 2 }, { key, value: item }))))
}

/** The bytes of a message. Names that `fields` does not have are an error. */
export function encode(fields: Fields, message: Message): Buffer {
  return Buffer.concat(
    Object.entries(message)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => {
        const row = fields[name]
        if (row === undefined) throw new Error(`no field ${name}`)
        const [number, inner] = typeof row === 'number' ? [row, undefined] : row
        return field(number, inner, value!)
      }),
  )
}

/** The fields of a message by number: numbers as they are, everything else as its bytes. The last of a list wins. */
export function decode(bytes: Buffer): Map<number, number | Buffer> {
  const found = new Map<number, number | Buffer>()
  let at = 0
  const next = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]!
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(value)
    }
  }
  while (at < bytes.length) {
    const tag = next()
    if ((tag & 7) === VARINT) found.set(tag >> 3, next())
    else if ((tag & 7) === LENGTH) {
      const length = next()
      found.set(tag >> 3, bytes.subarray(at, at + length))
      at += length
    } else throw new Error(`wire type ${tag & 7}`)
  }
  return found
}
