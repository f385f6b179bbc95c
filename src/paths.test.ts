import { expect, test } from 'vitest'
import { basename, clean, components, dirname, isWithin, join, resolve } from './paths.ts'

test('clean() shortens a path without changing what it means', () => {
  expect(clean('/a//b/./../c/')).toBe('/a/c')
  expect(clean('a/..')).toBe('.')
  expect(clean('')).toBe('.')
  expect(clean('../../a/../b')).toBe('../../b')
  for (const path of ['/a/.', '/./a', '/a/', '/a//', '//a', '/b/../a', '/../a', '/a/b/..'])
    expect([path, clean(path)]).toEqual([path, '/a'])
})

test('clean() keeps an absolute path below the root', () => {
  expect(clean('/../../etc')).toBe('/etc')
  expect(clean('/..')).toBe('/')
  expect(clean('/')).toBe('/')
})

test('components() never steps above the root', () => {
  expect(components('../../etc/./passwd')).toEqual(['etc', 'passwd'])
  expect(components('/')).toEqual([])
})

test('join() puts an absolute part below the ones before', () => {
  expect(join('/root', '/dev/null')).toBe('/root/dev/null')
  expect(join('', 'a', '', 'b')).toBe('a/b')
})

test('resolve() leaves an absolute path alone', () => {
  expect(resolve('/bundle', 'rootfs')).toBe('/bundle/rootfs')
  expect(resolve('/bundle', '/srv/')).toBe('/srv')
})

test('dirname() and basename() take a path apart', () => {
  expect([dirname('/a/b/'), basename('/a/b/')]).toEqual(['/a', 'b'])
  expect([dirname('/a'), basename('/')]).toEqual(['/', '/'])
  expect([dirname('a'), basename('a')]).toEqual(['.', 'a'])
})

test('isWithin() compares whole names', () => {
  expect(isWithin('/proc/sys', '/proc')).toBe(true)
  expect(isWithin('/process', '/proc')).toBe(false)
  expect(isWithin('/proc', '/proc/sys')).toBe(false)
  expect(isWithin('/', '/')).toBe(true)
  expect(isWithin('/x', '/')).toBe(true)
})
