import { expect, test } from 'vitest'
import { unitFor } from './unit.ts'

test.each([
  [undefined, 'tsrun-web.scope', 'system.slice'],
  ['', 'tsrun-web.scope', 'system.slice'],
  ['machine.slice:libpod:4f2a', 'libpod-4f2a.scope', 'machine.slice'],
  ['a-b.slice::name', 'name.scope', 'a-b.slice'],
  [':docker:x', 'docker-x.scope', 'system.slice'],
  ['-.slice:p:n', 'p-n.scope', '-.slice'],
  ['machine.slice:web', 'web.scope', 'machine.slice'],
  [':web', 'web.scope', 'system.slice'],
  ['plain', 'plain.scope', 'system.slice'],
  ['a.slice:p:n+m', 'p-n\\x2bm.scope', 'a.slice'],
  ['a.slice:p:ü', 'p-\\xc3\\xbc.scope', 'a.slice'],
  ['a.slice:p:a\\x2db@1', 'p-a\\x2db@1.scope', 'a.slice'],
])('unitFor() of cgroupsPath %s is %s', (cgroupsPath, name, slice) => {
  expect(unitFor('web', cgroupsPath, 'system.slice')).toEqual({ name, slice })
})

test('unitFor() escapes what an id may have and a unit may not', () => {
  expect(unitFor('a+b', undefined, 'user.slice')).toEqual({ name: 'tsrun-a\\x2bb.scope', slice: 'user.slice' })
})

test.each([
  ['/absolute/path', 'names no unit'],
  ['a/b', 'names no unit'],
  ['a:b', 'is not the name of a slice'],
  ['a.slice:', 'has no name'],
  ['a.slice:b:c:d', 'names no unit'],
  ['a.slice:b:', 'has no name'],
  ['a.slice:b:c.slice', 'holds no processes'],
  ['a:b:c', 'is not the name of a slice'],
  ['.slice:b:c', 'is not the name of a slice'],
  ['a--b.slice:b:c', 'is not the name of a slice'],
  ['a/b.slice:b:c', 'is not the name of a slice'],
  [`a.slice:b:${'c'.repeat(250)}`, 'longer than 255'],
])('unitFor() refuses %s: it %s', (cgroupsPath, reason) => {
  expect(() => unitFor('web', cgroupsPath, 'system.slice')).toThrow(reason)
  expect(() => unitFor('web', cgroupsPath, 'system.slice')).toThrow('/linux/cgroupsPath')
})
