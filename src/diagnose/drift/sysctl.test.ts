import { expect, test } from 'vitest'
import { settingDrift } from './sysctl.ts'

const setting = { pointer: '/linux/sysctl/a', what: 'sysctl `a`', path: 'a', value: '1000 2000' }

test('settingDrift() takes any space between numbers for the same, and passes over what can not be read', () => {
  expect(settingDrift(setting, '1000\t2000\n')).toEqual([])
  expect(settingDrift(setting, undefined)).toEqual([])
  expect(settingDrift({ ...setting, value: '' }, '\n')).toEqual([])
})

test('settingDrift() tells both values', () => {
  expect(settingDrift(setting, '1000\t2001\n')).toEqual([
    { pointer: '/linux/sysctl/a', what: 'sysctl `a`', expected: '`1000 2000`', found: '`1000 2001`' },
  ])
})
