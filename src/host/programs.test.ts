import { expect, test } from 'vitest'
import { programPaths } from './programs.ts'

test('programs are looked for in absolute directories of PATH, or in the usual ones', () => {
  const paths = (path: string | undefined) => programPaths({ env: () => path }, 'criu')
  expect(paths('/a:/b/c')).toEqual(['/a/criu', '/b/c/criu'])
  expect(paths(':.:bin:./x::/a:')).toEqual(['/a/criu'])
  expect(paths('')).toEqual([])
  expect(paths(undefined)).toContain('/usr/sbin/criu')
})
