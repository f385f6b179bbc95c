import { expect, test } from 'vitest'
import { ConfigError } from '../errors.ts'
import { parseMounts } from './mounts.ts'

const tmpfs = { destination: '/mnt', type: 'tmpfs' }

test('parseMounts() takes a list, and an object that has one', () => {
  expect(parseMounts(JSON.stringify([tmpfs]), 'x')).toEqual([tmpfs])
  expect(parseMounts(JSON.stringify({ ociVersion: '1.0.0', mounts: [tmpfs] }), 'x')).toEqual([tmpfs])
})

test.each([
  ['{', /^x .*line 1/],
  ['null', /^x is not a list/],
  ['{"mounts": {}}', /^x is not a list/],
  ['[{}]', /^\/mounts\/0/],
  ['[{"destination": "/mnt", "__proto__": {"type": "tmpfs"}}]', /^\/0\/__proto__: this name is not allowed/],
  ['[{"destination": 1}]', /^\/mounts\/0\/destination/],
])('parseMounts() of %s says what is wrong', (text, words) => {
  expect(() => parseMounts(text, 'x')).toThrow(ConfigError)
  expect(() => parseMounts(text, 'x')).toThrow(words)
})
