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
import { type Marshaller, type NativeWords, putForm, Space, useNativeWords } from '../native/kernels/marshal.ts'
import { Member } from '../native/kernels/member.ts'
import { NOT_DONE, Operation, putOperation } from '../native/kernels/operation.ts'
import { knownResult } from '../native/kernels/result.ts'
import { Template } from '../native/kernels/series.ts'
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

  /** Two members of a series, at 64 and 320: a text, a descriptor, and two calls, of which the first may say EEXIST or ENOENT. */
  const series = {
    form: {
      words: Int32Array.of(48, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0),
      addresses: Int32Array.of(0),
      holes: Int32Array.of(2, 4, 6, 1, 2),
    },
    ends: Int32Array.of(12, 10),
    answers: Int32Array.of(0, 2, 17, 2, 8, -1, 16, 0),
  }

  test('a copy of a form is that of JavaScript', () => {
    const copies = (native: NativeWords | undefined) => {
      const space = new Space(emptyMemory(), 64)
      const marshaller = { side: 'inside', space, address: ARENA_ADDRESS, from: 0, out() {}, result() {} } as const
      useNativeWords(native)
      try {
        const at = ['a text', '\u00e4', 'texts'].map(text => putForm(marshaller, series.form, [text, descriptor(9)]))
        const { bytes } = space
        const unknown = new Fd({ side: 'inside' } as unknown as Calls, { value: 1, known: undefined }, 'a file')
        const none = putForm(marshaller, series.form, ['text', unknown])
        const text = (at: number | undefined) => {
          const from = get64(space.memory.view, at! + 16) - ARENA_ADDRESS
          return [...bytes.subarray(from, bytes.indexOf(0, from) + 1)]
        }
        return {
          at,
          none,
          top: space.top,
          words: at.map(from => [...bytes.subarray(from, from! + 56)]),
          texts: at.map(text),
        }
      } finally {
        useNativeWords(undefined)
      }
    }
    expect(copies(native)).toEqual(copies(undefined))
    const { texts } = copies(native)
    expect(texts[0]).toEqual([...ascii('a text'), 0])
    const other = new Fd({ side: 'outside' } as unknown as Calls, 3, 'a file')
    const space = new Space(emptyMemory(), 64)
    const { words, addresses, holes } = series.form
    expect(native.putForm(space.bytes, 'inside', 0, 0, 64, words, addresses, holes, ['text', other])).toBe(-1)
    expect(native.putForm(space.bytes, 'inside', 0, 0, SIZE - 8, words, addresses, holes, ['', descriptor(1)])).toBe(-1)
  })

  /** A member with two results that others ask for. */
  const member = (offset: number) => {
    const returned = [8, 16].map(at => new Operation(machine, call(), offset + at - OP_RESULT))
    return new Member(series as unknown as Template, offset, [], () => [], returned)
  }

  test('members of a series are linked where they end, as JavaScript does it', () => {
    const [one, other] = [emptyMemory(), emptyMemory()]
    const operations = [member(64), ...queue(call()).map(({ call }) => new Operation(machine, call, 320)), member(576)]
    expect(native.link(one.bytes, ARENA_ADDRESS, operations, 0x1234, 0)).toBe(0)
    const space = new Space(other, 64)
    const link = Template.prototype.link.bind(series as unknown as Template)
    link(space, 64, ARENA_ADDRESS + 320)
    link(space, 576, 0x1234)
    for (const way of [OP_POSITIVE, OP_ZERO]) put64(other.view, 320 + way, ARENA_ADDRESS + 576)
    put64(other.view, 320 + OP_NEGATIVE, 0)
    expect(one.bytes).toEqual(other.bytes)
  })

  test('members are taken when all their answers are results that the calls take, as in JavaScript', () => {
    const cases: [answers: number[], good: boolean][] = [
      [[0, 5, 9], true],
      [[-17, -13, 0], true],
      [[-2, NOT_DONE, 7], false],
      [[-1, 5, 9], false],
      [[3, 5, -17], false],
      [[3, 5, NOT_DONE], false],
      [[NOT_DONE, 5, 3], false],
    ]
    for (const [answers, good] of cases) {
      const memory = emptyMemory()
      const [first, second] = [member(64), member(320)]
      for (const offset of [64, 320])
        for (const [i, answer] of (offset === 64 ? [1, 1, 1] : answers).entries())
          put64(memory.view, offset + 8 * i, answer)
      const taken = [native.settle(memory.bytes, [first, second], 0), second.isDone(new Space(memory, 64))]
      expect([answers, ...taken]).toEqual([answers, good ? 2 : 1, good])
      expect(first.returned.map(({ known }) => known)).toEqual([1, 1])
      expect(second.returned.map(({ known }) => known)).toEqual(good ? answers.slice(1) : [undefined, undefined])
    }
  })

  test('a member whose operations have been looked at is left to JavaScript', () => {
    const { bytes, view } = emptyMemory()
    const looked = member(64)
    for (const at of [0, 8, 16]) put64(view, 64 + at, 1)
    looked.operations = []
    expect(native.settle(bytes, [looked], 0)).toBe(0)
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
