import { expect, test } from 'vitest'
import { cgroupPath } from './cgroup.ts'

test.each([
  [undefined, '/tsrun-web'],
  ['', '/tsrun-web'],
  ['/pod/a', '/pod/a'],
  ['pod/a', '/pod/a'],
  ['//pod/./a/', '/pod/a'],
  ['/pod/../../../a', '/a'],
  ['../..', '/'],
])('cgroupPath() of %j is %s', (asked, path) => {
  expect(cgroupPath('web', asked)).toBe(path)
})
