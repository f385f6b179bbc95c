import { expect, test } from 'vitest'
import { EINVAL } from '../native/abi/errno.ts'
import { callNumbers } from '../native/arch/numbers.ts'
import {
  ARENA_ADDRESS,
  OP_ARGUMENTS,
  OP_INDIRECT,
  OP_NEGATIVE,
  OP_POSITIVE,
  OP_RESULT,
  OP_SIZE,
  OP_ZERO,
} from '../native/executor/protocol.ts'
import { Failure, NoRoom } from '../native/failure.ts'
import { Fd } from '../native/fd.ts'
import type { Host, Memory } from '../native/host.ts'
import type { Call, Calls } from '../native/kernels/machine.ts'
import { type Marshaller, type NativeWords, Space, useNativeWords } from '../native/kernels/marshal.ts'
import { NOT_DONE, Operation, putOperation } from '../native/kernels/operation.ts'
import { knownResult } from '../native/kernels/result.ts'
import { type Argument, get64, Out, put64, Room, Words } from '../native/struct.ts'

const SIZE = 1024

function emptyMemory(): Memory {
  const bytes = new Uint8Array(SIZE).fill(0xee)
  return { bytes, view: new DataView(bytes.buffer), address: 0 }
}

/** The bytes and the top after operations with these arguments were put into old memory, by the engine or in JavaScript. */
function put(native: NativeWords | undefined, lists: readonly (readonly Argument[])[]): [number[], number] {
  const space = new Space(emptyMemory(), 64)
  const marshaller: Marshaller = {
    side: 'inside',
    space,
    address: ARENA_ADDRESS,
    from: 0,
    out() {},
    result: (result, offset) => space.put(offset, result.value),
  }
  useNativeWords(native)
  try {
    for (const values of lists) putOperation(marshaller, values.length === 0 ? -1 : 257, values)
  } finally {
    useNativeWords(undefined)
  }
  return [[...space.memory.bytes.subarray(64, space.top)], space.top]
}

const descriptor = (number: number) => new Fd({ side: 'inside' } as unknown as Calls, number, 'a file')

/** What an engine does faster is what JavaScript does, but for bytes behind the end of a text. */
export function nativeWordsContract(native: NativeWords, host: Host): void {
  const lists: Record<string, readonly Argument[]> = {
    'no arguments, of a LOAD': [],
    'numbers of both signs and all lengths': [0, -1, 2 ** 40, -(2 ** 40), 0xffff_ffff, 1n << 63n],
    'null, and the result of an earlier call': [null, knownResult(7), knownResult(-9)],
    'known descriptors': [descriptor(11), 5, descriptor(-2)],
    'words behind a pointer': [5, new Words([1, new Words([2]), 3])],
  }
  for (const [what, values] of Object.entries(lists))
    test(`an operation of the engine is that of JavaScript: ${what}`, () => {
      expect(put(native, [[1], values])).toEqual(put(undefined, [[1], values]))
    })

  test('texts lie behind the operation, ASCII or not, and end with a zero', () => {
    const [bytes] = put(native, [['near', '\u00e4', 3]])
    const view = new DataView(Uint8Array.from(bytes).buffer)
    const text = (argument: number) => {
      const at = get64(view, 8 + 8 * argument) - ARENA_ADDRESS - 64
      return [at >= OP_SIZE, ...bytes.slice(at, bytes.indexOf(0, at))]
    }
    expect(text(0)).toEqual([true, ...ascii('near')])
    expect(text(1)).toEqual([true, 0xc3, 0xa4])
    expect(get64(view, 8 + 8 * 2)).toBe(3)
  })

  test('a descriptor of the other side is refused', () => {
    const other = new Fd({ side: 'outside' } as unknown as Calls, 3, 'a file')
    expect(() => put(native, [[other]])).toThrow(Failure)
  })

  test('an operation for which there is no room is a failure that says so', () => {
    expect(() => put(native, Array(12).fill([1]))).toThrow(NoRoom)
  })

  const memory = host.allocate(4096)
  const performed = (name: 'uname' | 'readlinkat', args: readonly Argument[]) =>
    native.perform(memory.bytes, 'outside', memory.address, 0, 64, callNumbers[host.arch][name], args)

  test('a call is made at once, and what it writes is taken', () => {
    memory.bytes.fill(0xee)
    const names = new Out(390)
    expect(performed('uname', [names])).toBe(0)
    expect([...names.bytes.subarray(0, 6)]).toEqual([...ascii('Linux'), 0])
    expect([names.bytes.length, names.bytes.includes(0xee)]).toEqual([390, false])
    const link = new Room(64)
    const length = performed('readlinkat', [-100, '/proc/self/root', link, 64])
    expect([length, [...link.bytes]]).toEqual([1, ascii('/')])
  })

  test('the error of a call is told, and then there is nothing', () => {
    const link = new Room(64)
    expect(performed('readlinkat', [-100, '/proc/self/stat', link, 64])).toBe(-EINVAL)
    expect(link.bytes.length).toBe(0)
  })

  test('no call is made with what JavaScript has to put', () => {
    const given = new Out(Uint8Array.from(ascii('given')))
    expect(performed('uname', [given])).toBe(undefined)
    expect([...given.bytes]).toEqual(ascii('given'))
    expect(performed('uname', [new Out(8192)])).toBe(undefined)
    expect(performed('readlinkat', [-100, 'ä', new Room(64), 64])).toBe(undefined)
  })

  const call = (more: Partial<Call> = {}): Call => ({ name: 'getpid', args: [], ...more })
  const machine = { answer() {} }
  /** Operations at multiples of 128 from 64 on. */
  const queue = (...calls: Call[]) => calls.map((call, i) => new Operation(machine, call, 64 + 128 * i))

  test('operations are linked after the results that are good', () => {
    const { bytes, view } = emptyMemory()
    const operations = queue(
      call(),
      call({ tolerate: 'any' }),
      call({ expect: 'positive', tolerate: [] }),
      call({ expect: 'zero' }),
      call({ tolerate: [1], expect: 'zero' }),
    )
    expect(native.link(bytes, ARENA_ADDRESS, operations, 0x1234, 0x4321)).toBe(0)
    const ways = (at: number) => [OP_POSITIVE, OP_ZERO, OP_NEGATIVE].map(field => get64(view, at + field))
    const next = [192, 320, 448, 576].map(offset => ARENA_ADDRESS + offset)
    expect(ways(64)).toEqual([next[0], next[0], 0x4321])
    expect(ways(192)).toEqual([next[1], next[1], next[1]])
    expect(ways(320)).toEqual([next[2], 0x4321, 0x4321])
    expect(ways(448)).toEqual([0x4321, next[3], 0x4321])
    expect(ways(576)).toEqual([0x4321, 0x1234, 0x1234])
  })

  test('other branches are counted, operations beyond the memory are left to JavaScript', () => {
    const { bytes, view } = emptyMemory()
    const operations = queue(call(), call())
    operations[1]!.branch({ zero: 1 })
    expect(native.link(bytes, ARENA_ADDRESS, operations, 0x1234, 0)).toBe(1)
    expect(get64(view, 192 + OP_POSITIVE)).toBe(0x1234)
    expect(native.link(bytes, ARENA_ADDRESS, [new Operation(machine, call(), SIZE)], 0, 0)).toBe(-1)
  })

  test('results are taken up to the first that is not as it should be', () => {
    const { bytes, view } = emptyMemory()
    const operations = queue(
      call(),
      call({ expect: 'zero' }),
      call({ tolerate: 'any' }),
      call(),
      call({ expect: 'positive' }),
    )
    const results = [2 ** 40, 0, -2, 7, 0]
    for (const [i, result] of results.entries()) put64(view, 64 + 128 * i + OP_RESULT, result)
    expect([native.settle(bytes, operations, 0), native.settle(bytes, operations, 3)]).toEqual([2, 4])
    expect(operations.map(({ known }) => known)).toEqual([2 ** 40, 0, undefined, 7, undefined])
    put64(view, 64 + OP_RESULT, NOT_DONE)
    expect(native.settle(bytes, operations, 0)).toBe(0)
  })

  test('a descriptor of a call before is where the executor finds it; what is recorded has to store it', () => {
    const space = new Space(emptyMemory(), 64)
    const results: number[] = []
    const opened = new Operation(machine, call(), space.top)
    const file = new Fd({ side: 'inside' } as unknown as Calls, opened, 'a file')
    const put = (from: number) => {
      const at = space.top
      const result = (_: unknown, offset: number) => void results.push(offset - at - OP_ARGUMENTS)
      const marshaller = { side: 'inside', space, address: ARENA_ADDRESS, from, out() {}, result } as const
      putOperation(marshaller, 2, [5, file])
      return [space.memory.view.getInt32(at + OP_INDIRECT, true), get64(space.memory.view, at + OP_ARGUMENTS + 8)]
    }
    useNativeWords(native)
    try {
      expect(put(0)).toEqual([2, opened.address + OP_RESULT])
      expect(put(0)).toEqual([2, opened.address + OP_RESULT])
      expect(results).toEqual([])
      expect(put(space.top)).toEqual([0, 0])
      expect(results).toEqual([8])
    } finally {
      useNativeWords(undefined)
    }
  })
}

function ascii(text: string): number[] {
  return [...text].map(character => character.charCodeAt(0))
}
