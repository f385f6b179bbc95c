import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { resources } from '../../native/abi/resource.ts'
import { maskField, numbersField, parseFields, parseLimits } from './processStatus.ts'

test('parseFields() and the readers of fields', () => {
  const fields = parseFields('Name:\ta: b\nUid:\t0\t1\t2\t3\nGroups:\t \nCapEff:\t000001ffffffffff\n')
  expect(fields.get('Name')).toBe('a: b')
  expect(numbersField(fields, 'Uid')).toEqual([0, 1, 2, 3])
  expect(numbersField(fields, 'Groups')).toEqual([])
  expect(maskField(fields, 'CapEff')).toBe(2n ** 41n - 1n)
  expect(maskField(fields, 'CapAmb')).toBe(0n)
})

test('parseLimits() knows every limit of this kernel', () => {
  const limits = parseLimits(readFileSync('/proc/self/limits', 'utf8'))
  expect(limits.map(({ type }) => type).sort()).toEqual(Object.keys(resources).sort())
})

test('parseLimits() reads numbers of 64 bits, and none', () => {
  const text = 'Limit                     Soft Limit           Hard Limit           Units     \n'
  const line = 'Max file size             9223372036854775807  unlimited            bytes     \n'
  expect(parseLimits(text + line)).toEqual([{ type: 'RLIMIT_FSIZE', soft: 2n ** 63n - 1n, hard: undefined }])
})
