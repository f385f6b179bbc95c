import { expect, test } from 'vitest'
import { splitSignature } from './signature.ts'

test.each([
  ['', []],
  ['ssa(sv)a(sa(sv))', ['s', 's', 'a(sv)', 'a(sa(sv))']],
  ['a{sv}v', ['a{sv}', 'v']],
  ['aau(y(st))', ['aau', '(y(st))']],
])('splitSignature() of %s gives %j', (signature, types) => {
  expect(splitSignature(signature)).toEqual(types)
})

test.each(['z', 'a', '(', '()', '(s', 's)', 'a{sv', 'a'.repeat(300)])('splitSignature() refuses %s', signature => {
  expect(() => splitSignature(signature)).toThrow('not a D-Bus signature')
})
