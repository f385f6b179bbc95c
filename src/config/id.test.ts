import { expect, test } from 'vitest'
import { UsageError } from '../errors.ts'
import { checkId, idOfBundle } from './id.ts'

test.each(['c1', 'A_b-c.d+e', '-c', '0', 'a..b', 'x'.repeat(255)])('checkId() accepts `%s`', id => {
  expect(checkId(id)).toBe(id)
})

test.each([
  ['', 'empty'],
  ['.', 'starts with'],
  ['..', 'starts with'],
  ['.hidden', 'starts with'],
  ['a/b', 'invalid container ID `a/b`: invalid character "/": only letters'],
  ['../a', 'only letters'],
  ['a b', 'only letters'],
  ['a\n', 'invalid character "\\n"'],
  ['ä', 'only letters'],
  ['x'.repeat(256), 'longer than 255'],
])('checkId() refuses `%s`', (id, reason) => {
  expect(() => checkId(id)).toThrow(UsageError)
  expect(() => checkId(id)).toThrow(reason)
})

test.each([
  ['/home/u/web', 'web'],
  ['/home/u/web/', 'web'],
  ['/home/u/my web (2)', 'my-web-2-'],
  ['/home/u/.hidden', 'hidden'],
  ['/', 'container'],
  ['/ü', 'container'],
])('idOfBundle() makes an id of %s: %s', (path, id) => {
  expect(idOfBundle(path)).toBe(id)
  expect(checkId(idOfBundle(path))).toBe(id)
})
