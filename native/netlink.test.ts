import { expect, test } from 'vitest'
import { parseAttributes, parseMessages, requestBytes } from './netlink.ts'

test('requestBytes() has header, fixed part and attributes at multiples of four', () => {
  const fixed = Uint8Array.of(1, 2, 3, 4)
  const bytes = requestBytes({ type: 18, fixed, attributes: [[3, Uint8Array.of(101, 0)]] })
  expect([...bytes]).toEqual([28, 0, 0, 0, 18, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 6, 0, 3, 0, 101, 0, 0, 0])
})

test('a dump is not acknowledged', () => {
  const bytes = requestBytes({ type: 18, flags: 0x300, fixed: new Uint8Array(4) })
  expect(bytes[6]! | (bytes[7]! << 8)).toBe(0x301)
})

test('parseMessages() and parseAttributes() read what requestBytes() writes', () => {
  const one = requestBytes({
    type: 16,
    fixed: Uint8Array.of(9, 9, 9, 9),
    attributes: [
      [1, Uint8Array.of(7)],
      [2, Uint8Array.of(5, 6)],
    ],
  })
  const two = requestBytes({ type: 3, fixed: new Uint8Array(4) })
  const messages = parseMessages(Uint8Array.from([...one, ...two]))
  expect(messages.map(({ type }) => type)).toEqual([16, 3])
  const attributes = parseAttributes(messages[0]!, 4)
  expect([...attributes].map(([type, value]) => [type, ...value])).toEqual([
    [1, 7],
    [2, 5, 6],
  ])
})

test('lengths that make no sense end the reading', () => {
  expect(parseMessages(new Uint8Array(16)).length).toBe(1)
  expect(parseAttributes({ type: 0, body: new Uint8Array(8) }, 4).size).toBe(1)
})
