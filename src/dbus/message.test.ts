import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Writer } from './marshal.ts'
import { decodeMessage, encodeMessage, METHOD_CALL, messageLength, SIGNAL } from './message.ts'
import type { DBusValue } from './signature.ts'
import { Reader } from './unmarshal.ts'

const hex = (bytes: Iterable<number>) => [...bytes].map(byte => byte.toString(16).padStart(2, '0')).join(' ')
const bytes = (text: string) => Uint8Array.from(text.split(/\s+/).map(byte => Number.parseInt(byte, 16)))

function marshalled(signature: string, ...values: DBusValue[]): string {
  const writer = new Writer()
  writer.all(signature, values)
  return hex(writer.bytes)
}

test.each<[string, DBusValue[], string]>([
  ['y', [0xff], 'ff'],
  ['b', [true], '01 00 00 00'],
  ['n', [-2], 'fe ff'],
  ['i', [-2], 'fe ff ff ff'],
  ['yu', [1, 2], '01 00 00 00 02 00 00 00'],
  ['yt', [1, 0xffff_ffff_ffff_ffffn], '01 00 00 00 00 00 00 00 ff ff ff ff ff ff ff ff'],
  ['x', [-1n], 'ff ff ff ff ff ff ff ff'],
  ['t', [5], '05 00 00 00 00 00 00 00'],
  ['d', [1], '00 00 00 00 00 00 f0 3f'],
  ['s', ['foo'], '03 00 00 00 66 6f 6f 00'],
  ['s', ['ü'], '02 00 00 00 c3 bc 00'],
  ['g', ['au'], '02 61 75 00'],
  ['ay', [new Uint8Array([1, 2])], '02 00 00 00 01 02'],
  ['au', [[]], '00 00 00 00'],
  ['at', [[]], '00 00 00 00 00 00 00 00'], // the padding before the first element is there without one, too
  ['v', [{ signature: 'u', value: 7 }], '01 75 00 00 07 00 00 00'],
  ['(yu)', [[1, 2]], '01 00 00 00 02 00 00 00'],
  [
    'a(sv)',
    [[['A', { signature: 'b', value: true }]]],
    '10 00 00 00 00 00 00 00 01 00 00 00 41 00 01 62 00 00 00 00 01 00 00 00',
  ],
  ['a{yy}', [[[1, 2]]], '02 00 00 00 00 00 00 00 01 02'],
])('a value of type %s is marshalled as the specification says', (signature, values, expected) => {
  expect(marshalled(signature, ...values)).toBe(expected)
})

const HELLO = bytes(
  `6c 01 00 01 00 00 00 00 01 00 00 00 6d 00 00 00
   01 01 6f 00 15 00 00 00 2f 6f 72 67 2f 66 72 65 65 64 65 73 6b 74 6f 70 2f 44 42 75 73 00 00 00
   02 01 73 00 14 00 00 00 6f 72 67 2e 66 72 65 65 64 65 73 6b 74 6f 70 2e 44 42 75 73 00 00 00 00
   03 01 73 00 05 00 00 00 48 65 6c 6c 6f 00 00 00
   06 01 73 00 14 00 00 00 6f 72 67 2e 66 72 65 65 64 65 73 6b 74 6f 70 2e 44 42 75 73 00 00 00 00`,
)
const bus = 'org.freedesktop.DBus'
const hello = { type: METHOD_CALL, flags: 0, serial: 1, path: '/org/freedesktop/DBus', interface: bus, member: 'Hello' }

test('encodeMessage() writes the call with which every conversation on a bus starts', () => {
  expect(hex(encodeMessage({ ...hello, destination: bus, body: [] }))).toBe(hex(HELLO))
})

test('decodeMessage() reads it, and messageLength() knows its end from its first bytes', () => {
  expect(decodeMessage(HELLO)).toEqual({ ...hello, destination: bus, body: [] })
  expect(messageLength(HELLO.subarray(0, 16))).toBe(HELLO.length)
  expect(messageLength(HELLO.subarray(0, 15))).toBeUndefined()
})

test('decodeMessage() reads big endian, and passes over fields that it does not know', () => {
  const message = bytes(
    `42 04 01 01 00 00 00 04 00 00 00 09 00 00 00 1f
     03 01 73 00 00 00 00 03 4a 6f 62 00 00 00 00 00 63 01 75 00 00 00 00 01 08 01 67 00 01 75 00
     00
     00 00 01 02`,
  )
  expect(decodeMessage(message)).toEqual({
    type: SIGNAL,
    flags: 1,
    serial: 9,
    member: 'Job',
    signature: 'u',
    body: [258],
  })
})

test('what is no message is refused, wherever it ends', () => {
  for (let length = 0; length < HELLO.length; length++) expect(() => decodeMessage(HELLO.subarray(0, length))).toThrow()
  expect(() => messageLength(new Uint8Array(16))).toThrow('not a D-Bus message')
  const long = HELLO.map((byte, i) => (i === 7 ? 0x40 : byte))
  expect(() => messageLength(long)).toThrow('longer than allowed')
})

/** A type together with values of it. */
interface Typed {
  readonly signature: string
  readonly value: DBusValue
}

const integer = (signature: string, min: bigint, max: bigint, small = true) =>
  fc.bigInt({ min, max }).map((n): Typed => ({ signature, value: small ? Number(n) : n }))

const { typed } = fc.letrec<{ typed: Typed }>(tie => ({
  typed: fc.oneof(
    { maxDepth: 4 },
    fc.boolean().map(value => ({ signature: 'b', value })), // the first is all that is left in the depth; not 'y': see below
    integer('y', 0n, 255n),
    integer('n', -(1n << 15n), (1n << 15n) - 1n),
    integer('u', 0n, (1n << 32n) - 1n),
    integer('x', -(1n << 63n), (1n << 63n) - 1n, false),
    integer('t', 0n, (1n << 64n) - 1n, false),
    fc.double({ noNaN: true }).map(value => ({ signature: 'd', value })),
    fc
      .string({ unit: 'grapheme' })
      .filter(text => !text.includes('\0'))
      .map(value => ({ signature: 's', value })),
    fc.uint8Array().map(value => ({ signature: 'ay', value })),
    tie('typed').map(value => ({ signature: 'v', value: { ...value } })),
    fc.array(tie('typed'), { minLength: 1, maxLength: 4 }).map(fields => ({
      signature: `(${fields.map(field => field.signature).join('')})`,
      value: fields.map(field => field.value),
    })),
    fc
      .tuple(tie('typed'), fc.integer({ min: 0, max: 3 }))
      .filter(([{ signature }]) => signature !== 'y') // bytes are another type here
      .map(([{ signature, value }, count]) => ({
        signature: `a${signature}`,
        value: Array.from({ length: count }, () => value),
      })),
  ),
}))

test('any values come back from the bytes they were marshalled to', () => {
  fc.assert(
    fc.property(fc.array(typed, { maxLength: 5 }), values => {
      const signature = values.map(value => value.signature).join('')
      const body = values.map(value => value.value)
      const writer = new Writer()
      writer.all(signature, body)
      expect(new Reader(Uint8Array.from(writer.bytes), true).all(signature)).toEqual(body)
      const message = { ...hello, signature, body }
      const { signature: _, ...empty } = message
      expect(decodeMessage(encodeMessage(message))).toEqual(signature === '' ? empty : message)
    }),
  )
})
