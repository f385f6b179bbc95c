import { expect, test } from 'vitest'
import { parseVariant } from './gvariant.ts'
import type { DBusValue } from './signature.ts'

test.each<[string, string, DBusValue]>([
  ['true', 'b', true],
  [' false ', 'b', false],
  ['5', 'i', 5],
  ['-5', 'i', -5],
  ['0x10', 'i', 16],
  ['1.5', 'd', 1.5],
  ['uint64 18446744073709551615', 't', 0xffff_ffff_ffff_ffffn],
  ['int64 -7', 'x', -7n],
  ['byte 255', 'y', 255],
  ['uint32 7', 'u', 7],
  ['double 2', 'd', 2],
  ['@t 9', 't', 9n],
  ['"it\'s \\"so\\""', 's', 'it\'s "so"'],
  [String.raw`'a\n\u00fc\\'`, 's', 'a\nü\\'],
  ["objectpath '/a'", 'o', '/a'],
  ["['a', 'b']", 'as', ['a', 'b']],
  ['@as []', 'as', []],
  ['[uint32 1, 2]', 'au', [1, 2]],
  ["('a', uint64 5)", '(st)', ['a', 5n]],
  ["('one',)", '(s)', ['one']],
  ["[('/dev/null', 'rwm')]", 'a(ss)', [['/dev/null', 'rwm']]],
  ["@a(st) [('/dev/sda', 5)]", 'a(st)', [['/dev/sda', 5n]]],
  ['<true>', 'v', { signature: 'b', value: true }],
])('parseVariant() of %s is of type %s', (text, signature, value) => {
  expect(parseVariant(text)).toEqual({ signature, value })
})

test.each([
  ['', 'a value is missing'],
  ['infinity', '`infinity` is not a value'],
  ['[]', 'needs its type'],
  ["['a', 5]", 'is not of type `s`'],
  ["[1, 'a']", 'a text where `i` is wanted'],
  ['[1 2]', '`,` or `]` is missing'],
  ['[1', 'is missing'],
  ['byte 256', 'does not fit'],
  ['2147483648', 'does not fit'],
  ['uint32 -1', 'does not fit'],
  ['uint64 1.5', 'is not of type `t`'],
  ['@tt 5', 'is not one type'],
  ['@t true', 'type `b` where `t` is wanted'],
  ["'open", 'is not a value'],
  ['true false', 'goes on after its end'],
  ["('a', 1", 'is missing'],
])('parseVariant() refuses %s: %s', (text, reason) => {
  expect(() => parseVariant(text)).toThrow(reason)
})
