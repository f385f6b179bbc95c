import { expect, test } from 'vitest'
import { NoRoom } from '../failure.ts'
import { Fd } from '../fd.ts'
import type { Memory } from '../host.ts'
import { get64, Out, Struct, Words } from '../struct.ts'
import { decode } from '../utf8.ts'
import type { Calls } from './machine.ts'
import { type Marshaller, putArguments, putForm, putWord, Space, useNativeWords } from './marshal.ts'
import { knownResult, type Result } from './result.ts'

const ADDRESS = 0x5000

function memory(size: number): Memory {
  const bytes = new Uint8Array(size).fill(0xee)
  return { bytes, view: new DataView(bytes.buffer), address: ADDRESS }
}

/** A marshaller that writes down what it is told. */
function setUp(size = 1024) {
  const space = new Space(memory(size), 64)
  const outs: [Out, number][] = []
  const results: [Result, number][] = []
  const marshaller: Marshaller = {
    side: 'outside',
    space,
    address: ADDRESS,
    from: 0,
    out: (out, offset) => void outs.push([out, offset]),
    result: (result, offset) => void results.push([result, offset]),
  }
  /** The offset that the word points to. */
  const put = (value: Parameters<typeof putWord>[2]) => {
    const at = space.allocate(8)
    putWord(marshaller, at, value)
    return get64(space.memory.view, at) - ADDRESS
  }
  const text = (offset: number) => decode(space.memory.bytes.subarray(offset, space.memory.bytes.indexOf(0, offset)))
  return { space, outs, results, marshaller, put, text }
}

test('numbers are the word itself, null is a null pointer', () => {
  const { put } = setUp()
  expect([put(-100), put(7n), put(null)].map(offset => offset + ADDRESS)).toEqual([-100, 7, 0])
})

test('a string is placed with its NUL, also over old bytes', () => {
  const { put, text, space } = setUp()
  const at = put('/päth')
  expect(text(at)).toBe('/päth')
  expect(space.memory.bytes[at + 6]).toBe(0)
})

test('argv is an array of pointers with a null pointer behind', () => {
  const { put, text, space } = setUp()
  const at = put(['sh', '-c', ''])
  const pointers = [0, 8, 16, 24].map(offset => get64(space.memory.view, at + offset))
  expect(pointers.slice(0, 3).map(pointer => text(pointer - ADDRESS))).toEqual(['sh', '-c', ''])
  expect(pointers[3]).toBe(0)
})

test('a struct is placed with what its fields point to', () => {
  const { put, text, space } = setUp()
  const inner = new Struct(8).word(0, 'deep')
  const at = put(new Struct(24).u64(0, 5).word(8, 'near').word(16, inner))
  const pointer = (offset: number) => get64(space.memory.view, offset) - ADDRESS
  expect(get64(space.memory.view, at)).toBe(5)
  expect([text(pointer(at + 8)), text(pointer(pointer(at + 16)))]).toEqual(['near', 'deep'])
})

test('the fields of a struct of words are put like arguments', () => {
  const { put, text, results, space } = setUp()
  const result = knownResult(9)
  const at = put(new Words([5, 'near', new Words([6]), result]))
  const word = (offset: number) => get64(space.memory.view, offset)
  expect([word(at), text(word(at + 8) - ADDRESS), word(word(at + 16) - ADDRESS)]).toEqual([5, 'near', 6])
  expect(results).toEqual([[result, at + 24]])
})

test('space for results is announced with its place, and knows its address', () => {
  const { put, outs } = setUp()
  const out = new Out(Uint8Array.of(1, 2, 3))
  const at = put(out)
  expect(outs).toEqual([[out, at]])
  expect(out.address).toBe(ADDRESS + at)
})

test('a result of an earlier call is left to the machine', () => {
  const { put, results, space } = setUp()
  const result = knownResult(9)
  const at = space.top
  put(result)
  expect(results).toEqual([[result, at]])
})

test('everything lies at multiples of 8', () => {
  const { space } = setUp()
  space.string('a')
  expect(space.allocate(3) % 8).toBe(0)
  expect(space.allocate(1) % 8).toBe(0)
})

test('what does not fit is an error and not an overflow', () => {
  const { space, put } = setUp(256)
  expect(() => space.allocate(200)).toThrow('a call takes 200 bytes where 192 are left')
  expect(() => put('x'.repeat(400))).toThrow(NoRoom)
  expect(() => put(new Uint8Array(300))).toThrow(NoRoom)
})

test('the arguments of a call are one word each', () => {
  const { marshaller, text, space } = setUp()
  const at = space.allocate(48)
  putArguments(marshaller, at, [-1, 'two', null, 1n << 40n])
  const words = [0, 8, 16, 24].map(offset => get64(space.memory.view, at + offset))
  expect(words).toEqual([-1, words[1], 0, 2 ** 40])
  expect(text(words[1]! - ADDRESS)).toBe('two')
})

test('what the engine can not put is put here, behind what it did', () => {
  const { marshaller, text, space } = setUp()
  using _ = { [Symbol.dispose]: () => useNativeWords(undefined) }
  useNativeWords({
    putWords(bytes, _side, address, _from, top, at, values) {
      expect([address, values.length]).toEqual([ADDRESS, 3])
      new DataView(bytes.buffer).setBigInt64(at + 8, 7n, true)
      return (top + 32) * 64 + 0b101
    },
    putOperation: () => -1,
    perform: () => undefined,
    link: () => -1,
    settle: () => 0,
    putForm: () => -1,
  })
  const at = space.allocate(48)
  putArguments(marshaller, at, ['first', 7, 'last'])
  const words = [0, 8, 16].map(offset => get64(space.memory.view, at + offset))
  expect([text(words[0]! - ADDRESS), words[1], text(words[2]! - ADDRESS)]).toEqual(['first', 7, 'last'])
  expect(words[0]! - ADDRESS).toBe(at + 48 + 32)
})

test('a form has other values and another place each time', () => {
  const { text, space, marshaller } = setUp()
  const form = {
    words: Int32Array.of(8, 0, 7, 0, 0, 0, 0, 0),
    addresses: Int32Array.of(0),
    holes: Int32Array.of(2, 4, 6, 1, 2),
  }
  const file = (number: number | undefined) =>
    new Fd({ side: marshaller.side } as unknown as Calls, { value: 0, known: number }, 'a file')
  const first = putForm(marshaller, form, ['\u00e4', file(5)])!
  const second = putForm(marshaller, form, ['other', file(-1)])!
  const words = (at: number) => [0, 8, 16, 24].map(offset => get64(space.memory.view, at + offset))
  const [one, two] = [words(first), words(second)]
  expect([one[0], one[1], two[0], two[1]]).toEqual([ADDRESS + first + 8, 5, ADDRESS + second + 8, -1])
  expect([one[2], two[2]]).toEqual([one[3], two[3]])
  expect([text(one[2]! - ADDRESS), text(two[2]! - ADDRESS)]).toEqual(['\u00e4', 'other'])
  const { top } = space
  expect([putForm(marshaller, form, ['other', file(undefined)]), space.top]).toEqual([undefined, top])
  expect(() => putForm(setUp(72).marshaller, form, ['', file(0)])).toThrow(NoRoom)
})
