import { expect, test } from 'vitest'
import {
  isOwnIdOnly,
  mappingText,
  mapsId,
  newidmapArguments,
  parseInlineMappings,
  toHostId,
  wrongMappings,
} from './idMappings.ts'

const two = [
  { containerID: 0, hostID: 1000, size: 1 },
  { containerID: 1, hostID: 100000, size: 65535 },
]

test('mappingText() writes a line for each range', () => {
  expect(mappingText(two)).toBe('0 1000 1\n1 100000 65535\n')
})

test('newidmapArguments() puts the pid before the ranges', () => {
  expect(newidmapArguments(42, two)).toEqual(['42', '0', '1000', '1', '1', '100000', '65535'])
})

test('toHostId() translates the ends of a range and nothing beyond', () => {
  expect([0, 1, 65535, 65536].map(id => toHostId(two, id))).toEqual([1000, 100000, 165534, undefined])
  expect(mapsId(two, 65536)).toBe(false)
})

test('isOwnIdOnly() is true for one id that is the own one', () => {
  expect(isOwnIdOnly(two.slice(0, 1), 1000)).toBe(true)
  expect(isOwnIdOnly(two.slice(0, 1), 1001)).toBe(false)
  expect(isOwnIdOnly(two, 1000)).toBe(false)
  expect(isOwnIdOnly([], 1000)).toBe(false)
})

test('wrongMappings() accepts ranges in any order that only touch', () => {
  expect(wrongMappings([...two].reverse(), '/linux/uidMappings')).toBeUndefined()
})

test('wrongMappings() names the id that is mapped twice, inside or outside', () => {
  const inside = [two[0]!, { containerID: 0, hostID: 5, size: 1 }]
  expect(wrongMappings(inside, '/m')).toEqual({ pointer: '/m', reason: 'containerID 0 is mapped twice' })
  const outside = [{ containerID: 9, hostID: 1000, size: 1 }, two[0]!]
  expect(wrongMappings(outside, '/m')).toEqual({ pointer: '/m', reason: 'hostID 1000 is mapped twice' })
})

test('wrongMappings() refuses empty ranges, the id that is nobody’s and more than 340 lines', () => {
  expect(wrongMappings([{ containerID: 0, hostID: 0, size: 0 }], '/m')?.pointer).toBe('/m/0/size')
  expect(wrongMappings([{ containerID: 0, hostID: 1, size: 2 ** 32 - 1 }], '/m')?.reason).toMatch(/^hostID goes up to/)
  expect(wrongMappings([{ containerID: 0, hostID: 0, size: 2 ** 32 - 1 }], '/m')).toBeUndefined()
  const lines = Array.from({ length: 341 }, (_, i) => ({ containerID: i, hostID: i, size: 1 }))
  expect(wrongMappings(lines, '/m')?.reason).toMatch(/^has 341 entries/)
  expect(wrongMappings(lines.slice(1), '/m')).toBeUndefined()
})

test('parseInlineMappings() refuses what the kernel would', () => {
  expect(() => parseInlineMappings('uids=0-0-5#3-9-1;gids=0-0-1', undefined, '/m')).toThrow(
    'containerID 3 is mapped twice',
  )
})

test('parseInlineMappings() reads ranges of users and groups', () => {
  expect(parseInlineMappings('uids=0-1000-10#10-2000-5;gids=0-7-1', undefined, '/m')).toEqual({
    uid: [
      { containerID: 0, hostID: 1000, size: 10 },
      { containerID: 10, hostID: 2000, size: 5 },
    ],
    gid: [{ containerID: 0, hostID: 7, size: 1 }],
  })
})

test('parseInlineMappings() translates a relative id through the mapping of the container', () => {
  const container = { uid: two, gid: two }
  expect(parseInlineMappings('uids=@0-5-1;gids=@0-0-1', container, '/m')).toEqual({
    uid: [{ containerID: 0, hostID: 100004, size: 1 }],
    gid: [{ containerID: 0, hostID: 1000, size: 1 }],
  })
  expect(() => parseInlineMappings('uids=@0-70000-1;gids=0-0-1', container, '/m')).toThrow('does not map 70000')
})

test.each(['', 'uids=0-1-2', 'uids=0-1;gids=0-1-2', 'uids=0-1-2;gids=a-1-2', 'uids=;gids='])(
  'parseInlineMappings() refuses `%s`',
  text => {
    expect(() => parseInlineMappings(text, undefined, '/mounts/0/options')).toThrow('/mounts/0/options: `idmap=')
  },
)
