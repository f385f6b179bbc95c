import { expect, test } from 'vitest'
import { socketPaths } from './address.ts'

test.each([
  ['unix:path=/run/user/1000/bus', ['/run/user/1000/bus']],
  ['unix:path=/a,guid=0123;unix:abstract=/tmp/x%20y', ['/a', '\0/tmp/x y']],
  ['tcp:host=localhost,port=1;unix:runtime=yes;', []],
  ['', []],
])('socketPaths() of %s', (addresses, paths) => {
  expect(socketPaths(addresses)).toEqual(paths)
})
