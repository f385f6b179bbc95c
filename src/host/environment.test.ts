import { expect, test } from 'vitest'
import { variable } from './environment.ts'

test('variable() does not take a longer name for the one asked for', () => {
  expect(variable(['PATHS=x', 'PATH=/bin:/a=b'], 'PATH')).toBe('/bin:/a=b')
  expect(variable(['PATHS=x'], 'PATH')).toBeUndefined()
  expect(variable(['EMPTY='], 'EMPTY')).toBe('')
})
