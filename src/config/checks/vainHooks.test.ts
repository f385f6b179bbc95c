import { expect, test } from 'vitest'
import { parseConfig } from '../load.ts'

const good = { path: '/bin/true' }

function read(hooks: unknown) {
  const told: string[] = []
  const config = parseConfig(
    JSON.stringify({ ociVersion: '1.0.2', root: { path: 'rootfs' }, hooks }),
    warning => void told.push(warning),
  )
  return { hooks: config.hooks, told }
}

test.each([
  [null, /^\/hooks\/poststop\/1: names no program: it can only fail/],
  [{ path: '' }, /^\/hooks\/poststop\/1: names no program/],
  [{ path: '/x', timeout: -1 }, /^\/hooks\/poststop\/1: has -1 s to run/],
])('the poststop hook %j is left out, told', (hook, words) => {
  const { hooks, told } = read({ poststop: [good, hook, good] })
  expect(hooks).toEqual({ poststop: [good, good] })
  expect(told).toEqual([expect.stringMatching(words)])
})

test('a timeout of 0 of a poststop hook is none, told', () => {
  const { hooks, told } = read({ poststop: [{ ...good, timeout: 0 }] })
  expect(hooks).toEqual({ poststop: [good] })
  expect(told).toEqual(['/hooks/poststop/0/timeout: is 0 and no limit'])
})

test.each([
  { poststop: [{}] },
  { poststop: [{ path: 5 }] },
  { poststop: [{ path: '/x', timeout: 'x' }] },
  { poststop: {} },
  { poststop: ['x'] },
  { prestart: [null] },
  { createRuntime: [{ path: '/x', timeout: 0 }] },
  { poststart: [{ path: '/x', timeout: -1 }] },
])('%j is refused', hooks => {
  expect(() => read(hooks)).toThrow(/\/hooks\//)
})

test.each([
  [{ path: 5 }, /^\/hooks\/poststop\/2\/path: must be a string/],
  [{}, /^\/hooks\/poststop\/2\/path: is missing/],
])('the mistake in %j is told with its place in the file', (wrong, words) => {
  expect(() => read({ poststop: [null, good, wrong] })).toThrow(words)
})

test('what is right is left as it is', () => {
  expect(read({ poststop: [{ path: '/x', timeout: 5 }] })).toEqual({
    hooks: { poststop: [{ path: '/x', timeout: 5 }] },
    told: [],
  })
})
