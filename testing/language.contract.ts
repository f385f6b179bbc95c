// What native/quickjs/engine does without calls is what the language says, also where it is not as usual.

import { expect, test } from 'vitest'

type Fields = Record<string, unknown>

/** Which a compiler can not know. */
const same = <T>(value: T): T => value

class Point {
  x: unknown = 1
  y: unknown = 2
  get sum(): number {
    return (this.x as number) + (this.y as number)
  }
  set both(value: number) {
    this.x = value
    this.y = value
  }
}

export function languageContract(): void {
  test('properties: own, of a prototype, with a getter or a setter, none', () => {
    const point = new Point()
    point.both = 4
    expect([point.x, point.y, point.sum, (point as unknown as Fields)['z']]).toEqual([4, 4, 8, undefined])
    expect(() => (same(null) as unknown as Point).x).toThrow(TypeError)
    expect(same('text').length + same([1, 2]).length + same(new Uint8Array(3)).length).toBe(9)
  })

  test('what is frozen, read-only, or has no room for more, stays as it is', () => {
    for (const make of [Object.freeze, Object.seal, Object.preventExtensions]) {
      const point = make(new Point()) as unknown as Fields
      expect(() => (point['z'] = 1)).toThrow(TypeError)
    }
    const point = Object.freeze(new Point()) as Point
    expect(() => (point.x = 5)).toThrow(TypeError)
    const list = Object.freeze([1, 2]) as unknown[]
    expect(() => list.push(3)).toThrow(TypeError)
    expect([point.x, list]).toEqual([1, [1, 2]])
  })

  test('literals: names twice, computed, numbers, elements, holes and spreads', () => {
    const name = same('b')
    const fields = { ...{ a: 0, c: 0 }, a: 1, [name]: 2, ['7']: 3 }
    expect(Object.entries(fields)).toEqual([
      ['7', 3],
      ['a', 1],
      ['c', 0],
      ['b', 2],
    ])
    const list = [...[1, 2], 3, ...'45']
    list[6] = 7
    expect([list.length, 5 in list, list.map(String).length, [].length]).toEqual([7, false, 7, 0])
    expect(Array.from({ length: 3 }, (_, i) => i).filter(i => i !== 1)).toEqual([0, 2])
    const long = same(new Array(4))
    long[0] = 1
    expect([long.length, long[3], long[-1]]).toEqual([4, undefined, undefined])
  })

  test('elements of typed arrays, within them and beyond', () => {
    const words = Int32Array.of(1, -2)
    expect([words[same(0)], words[same(1)], words[same(2)], words[same(-1)]]).toEqual([1, -2, undefined, undefined])
  })

  test('what is the same: names, texts put together, objects, numbers, nothing', () => {
    const [a, b] = [same('one') + same('two'), same('onetwo')]
    const long = same('x').repeat(9000)
    expect([a === b, a !== b, long + a === long + b, same<string>('one') === 'two']).toEqual([true, false, true, false])
    const [one, other] = [{}, {}] as [unknown, unknown]
    expect([one === same(one), one === other, one !== other, one === same(undefined as unknown)]).toEqual([
      true,
      false,
      true,
      false,
    ])
    const [nan, none, nothing] = same<[number, unknown, unknown]>([Number.NaN, null, undefined])
    expect([nan === same(nan), none === nothing, nothing === undefined, same(0) === same(-0)]).toEqual([
      false,
      false,
      true,
      true,
    ])
    expect([same<unknown>(1) === '1', same<unknown>(1.5) === 1.5, same<unknown>(true) === 1]).toEqual([
      false,
      true,
      false,
    ])
  })

  test('instances of a class go ways of their own', () => {
    const [one, other, third] = [new Point(), new Point(), new Point()] as unknown as [Fields, Fields, Fields]
    delete one['x']
    one['x'] = 9
    other['z'] = 3
    Object.defineProperty(third, 'x', { enumerable: false, value: 8 })
    expect([one, other, third].map(point => Object.keys(point).join())).toEqual(['y,x', 'x,y,z', 'y'])
    expect(Object.entries(new Point())).toEqual([
      ['x', 1],
      ['y', 2],
    ])
  })

  test('functions have a name and a length', () => {
    const add = (a: number, b: number) => a + b
    expect([typeof add.name, add.length, (() => 0).length]).toEqual(['string', 2, 0])
    expect(Object.keys(add)).toEqual([])
  })
}
