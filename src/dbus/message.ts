import { Failure } from '../errors.ts'
import { Writer } from './marshal.ts'
import type { DBusValue, Variant } from './signature.ts'
import { Reader } from './unmarshal.ts'

/** Types of messages, see D-Bus Specification, Message Format. */
export const METHOD_CALL = 1
export const METHOD_RETURN = 2
export const ERROR = 3
export const SIGNAL = 4

/** Flags: nobody wants a reply. */
export const NO_REPLY_EXPECTED = 1

/** The first bytes, which tell how long a message is. */
const FIXED_BYTES = 16
/** The specification's limit. */
const MESSAGE_MAX = 1 << 27
const LITTLE = 'l'.charCodeAt(0)
const BIG = 'B'.charCodeAt(0)
const VERSION = 1

export interface DBusMessage {
  readonly type: number
  readonly flags?: number
  readonly serial: number
  readonly path?: string
  readonly interface?: string
  readonly member?: string
  readonly errorName?: string
  readonly replySerial?: number
  readonly destination?: string
  readonly sender?: string
  /** The types of the body's values. */
  readonly signature?: string
  readonly body: readonly DBusValue[]
}

type HeaderField =
  | 'path'
  | 'interface'
  | 'member'
  | 'errorName'
  | 'replySerial'
  | 'destination'
  | 'sender'
  | 'signature'

/** Header fields: the code and the type of each. */
const FIELDS: readonly (readonly [HeaderField, number, string])[] = [
  ['path', 1, 'o'],
  ['interface', 2, 's'],
  ['member', 3, 's'],
  ['errorName', 4, 's'],
  ['replySerial', 5, 'u'],
  ['destination', 6, 's'],
  ['sender', 7, 's'],
  ['signature', 8, 'g'],
]

/** The bytes of a message. */
export function encodeMessage(message: DBusMessage): Uint8Array {
  const body = new Writer()
  if (message.signature) body.all(message.signature, message.body)
  const writer = new Writer()
  writer.all('yyyyuu', [LITTLE, message.type, message.flags ?? 0, VERSION, body.bytes.length, message.serial])
  const fields = FIELDS.flatMap(([name, code, signature]) =>
    message[name] ? [[code, { signature, value: message[name] }]] : [],
  )
  writer.value('a(yv)', fields)
  writer.align(8)
  return Uint8Array.from([...writer.bytes, ...body.bytes])
}

/** How long the message is that starts with these bytes; undefined when they are too few to tell. */
export function messageLength(bytes: Uint8Array): number | undefined {
  if (bytes.length < FIXED_BYTES) return undefined
  const little = isLittle(bytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset, FIXED_BYTES)
  const header = FIXED_BYTES + view.getUint32(12, little)
  const length = ((header + 7) & ~7) + view.getUint32(4, little)
  if (header > MESSAGE_MAX || length > MESSAGE_MAX) throw new Failure('a D-Bus message is longer than allowed')
  return length
}

/** The message of these bytes. Throws a Failure when they are none. */
export function decodeMessage(bytes: Uint8Array): DBusMessage {
  const reader = new Reader(bytes, isLittle(bytes))
  const [, type, flags, , , serial] = reader.all('yyyyuu') as number[]
  const found: Partial<Record<HeaderField, DBusValue>> = {}
  for (const [code, variant] of reader.value('a(yv)') as [number, Variant][]) {
    const field = FIELDS.find(([, known, signature]) => known === code && signature === variant.signature)
    if (field !== undefined) found[field[0]] = variant.value
  }
  reader.align(8)
  const body = reader.all((found.signature as string | undefined) ?? '')
  return { type: type!, flags: flags!, serial: serial!, ...(found as Partial<DBusMessage>), body }
}

function isLittle(bytes: Uint8Array): boolean {
  if (bytes[0] !== LITTLE && bytes[0] !== BIG) throw new Failure('this is not a D-Bus message')
  return bytes[0] === LITTLE
}
