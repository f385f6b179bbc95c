import { expect, test } from 'vitest'
import { sameSetting } from './sameSetting.ts'

test.each([
  ['memory.max', '1000000', '999424', true], // whole pages
  ['memory.max', '1000000', '1003520', false],
  ['memory.max', '9223372036854775807', 'max', true],
  ['memory.max', 'max', '4096', false],
  ['hugetlb.2MB.max', `${5 << 20}`, `${4 << 20}`, true],
  ['hugetlb.2MB.max', `${6 << 20}`, `${4 << 20}`, false],
  ['cpuset.cpus', '0,1,2,4', '0-2,4', true],
  ['cpuset.cpus', '0-2', '0-1', false],
  ['cpu.max', '20000', '20000 100000', true],
  ['cpu.max', '20000 50000', '20000 100000', false],
  ['pids.max', '10', '10', true],
  ['pids.max', '10', '11', false],
])('sameSetting() of %s: %s is given back as %s: %s', (file, value, now, same) => {
  expect(sameSetting({ file, key: undefined, value }, now)).toBe(same)
})

test('sameSetting() of a line with words that were not written', () => {
  const setting = { file: 'io.max', key: '8:0', value: 'wbps=2 rbps=1' }
  expect(sameSetting(setting, 'rbps=1 wbps=2 riops=max wiops=max')).toBe(true)
  expect(sameSetting(setting, 'rbps=1 wbps=3 riops=max wiops=max')).toBe(false)
  expect(sameSetting(setting, undefined)).toBe(false)
})
