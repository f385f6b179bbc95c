import { expect, test } from 'vitest'
import { isSet, restoring, type Setting, settingsOf, valueIn } from './setting.ts'

function setting(file: string, value: string): Setting {
  return settingsOf([{ file, value }])[0]!
}

test('settingsOf() has one entry for a file, as its last step leaves it', () => {
  const steps = [
    { file: 'cpu.max.burst', value: '0' },
    { file: 'cpu.max', value: 'max 100000' },
    { file: 'cpu.max.burst', value: '500' },
    { file: 'cpuset.cpus', value: '\n' },
  ]
  expect(settingsOf(steps)).toEqual([
    { file: 'cpu.max.burst', key: undefined, value: '500' },
    { file: 'cpu.max', key: undefined, value: 'max 100000' },
    { file: 'cpuset.cpus', key: undefined, value: '' },
  ])
})

test('settingsOf() has one entry for a device of a file', () => {
  const steps = [
    { file: 'io.max', value: '8:0 rbps=1' },
    { file: 'io.max', value: '8:0 wbps=2' },
    { file: 'io.max', value: '8:16 rbps=3' },
    { file: 'rdma.max', value: 'mlx hca_handle=1 hca_object=2' },
  ]
  expect(settingsOf(steps)).toEqual([
    { file: 'io.max', key: '8:0', value: 'rbps=1 wbps=2' },
    { file: 'io.max', key: '8:16', value: 'rbps=3' },
    { file: 'rdma.max', key: 'mlx', value: 'hca_handle=1 hca_object=2' },
  ])
})

test.each<[string, string, string, string | undefined, string]>([
  ['memory.max', '100', 'max\n', 'max', 'max'],
  ['cpu.max', '20000 100000', 'max 100000\n', 'max 100000', 'max 100000'],
  ['cpuset.cpus', '0', '\n', '', '\n'],
  ['io.weight', '4950', 'default 100\n8:0 50\n', '100', '100'],
  ['io.weight', 'default 4950', 'default 100\n8:0 50\n', '100', 'default 100'],
  ['io.weight', '8:0 70', 'default 100\n8:0 50\n', '50', '8:0 50'],
  ['io.bfq.weight', '8:0 70', 'default 100\n', undefined, '8:0 default'],
  ['io.max', '8:0 rbps=1', '', undefined, '8:0 rbps=max'],
  [
    'io.max',
    '8:0 rbps=1',
    '8:0 rbps=7 wbps=max riops=max wiops=max\n',
    'rbps=7 wbps=max riops=max wiops=max',
    '8:0 rbps=7 wbps=max riops=max wiops=max',
  ],
])('%s to be `%s` in a file of %j: it is %j, and is restored by %j', (file, value, text, now, restored) => {
  const wanted = setting(file, value)
  expect(valueIn(text, wanted)).toBe(now)
  expect(isSet(now, wanted)).toBe(false)
  expect(restoring(now, wanted)).toBe(restored)
})

test('isSet() finds the wanted rates of a device among the others', () => {
  const wanted = setting('io.max', '8:0 wbps=2 rbps=1')
  expect(isSet('rbps=1 wbps=2 riops=max wiops=max', wanted)).toBe(true)
  expect(isSet('rbps=10 wbps=2 riops=max wiops=max', wanted)).toBe(false)
  expect(isSet('4950', setting('io.weight', '4950'))).toBe(true)
})
