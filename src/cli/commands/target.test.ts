import { expect, test } from 'vitest'
import { chooseTarget } from './target.ts'

/** A current directory /work in which some paths are bundles. */
function at(...bundles: string[]) {
  return {
    isBundle: (path: string) => bundles.includes(path),
    absolute: (path: string) =>
      path === '.' ? '/work' : path.startsWith('/') ? path : `/work/${path.replace('./', '')}`,
  }
}

test('chooseTarget() takes the word for an id when there is a --bundle', () => {
  expect(chooseTarget(at('web'), 'web', '/b')).toEqual({ id: 'web', bundle: '/b' })
})

test('chooseTarget() takes the word for an id in a bundle', () => {
  expect(chooseTarget(at('.'), 'web', undefined)).toEqual({ id: 'web', bundle: '.' })
  expect(chooseTarget(at('.', 'web'), 'web', undefined)).toEqual({ id: 'web', bundle: '.' })
})

test('chooseTarget() takes a bundle for a bundle', () => {
  expect(chooseTarget(at('web'), 'web', undefined)).toEqual({ id: 'web', bundle: 'web' })
  expect(chooseTarget(at('/srv/my web'), '/srv/my web', '')).toEqual({ id: 'my-web', bundle: '/srv/my web' })
})

test('chooseTarget() takes a path for a bundle even in a bundle', () => {
  expect(chooseTarget(at('.', './web'), './web', undefined)).toEqual({ id: 'web', bundle: './web' })
})

test('chooseTarget() names a container after the current directory', () => {
  expect(chooseTarget(at('.'), '.', undefined)).toEqual({ id: 'work', bundle: '.' })
})

test('chooseTarget() takes a dot for an id, as others do, where another configuration is named', () => {
  expect(() => chooseTarget(at('.'), '.', undefined, 'config/config.json')).toThrow(/invalid container ID `\.`/)
  expect(() => chooseTarget(at('..'), '..', undefined, 'config.json')).toThrow(/invalid container ID `\.\.`/)
})

test('chooseTarget() says what is missing at a path', () => {
  expect(() => chooseTarget(at('.'), './web', undefined)).toThrow(
    /`.\/web` is not a bundle: .*; and no container ID: invalid character "\/"/,
  )
})

test('chooseTarget() leaves a missing config.json to create, when the word can be an id', () => {
  expect(chooseTarget(at(), 'web', undefined)).toEqual({ id: 'web', bundle: '.' })
})
