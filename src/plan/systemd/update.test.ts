import { expect, test } from 'vitest'
import { replacedDeviceProperties } from './update.ts'

const shown = (...rules: Parameters<typeof replacedDeviceProperties>) =>
  replacedDeviceProperties(...rules).map(({ name, variant }) => [name, variant.value])

test('replacedDeviceProperties() clears the list before it fills it', () => {
  const properties = shown([{ allow: false }, { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' }])
  expect(properties.map(([name]) => name)).toEqual(['DeviceAllow', 'DevicePolicy', 'DeviceAllow'])
  expect(properties[0]).toEqual(['DeviceAllow', []])
  expect(properties[1]).toEqual(['DevicePolicy', 'strict'])
  expect(properties[2]![1]).toContainEqual(['/dev/char/10:229', 'rwm']) // everybody may make nodes
})

test('replacedDeviceProperties() of rules that allow everything leaves no list', () => {
  const free = [
    ['DevicePolicy', 'auto'],
    ['DeviceAllow', []],
  ]
  expect(shown(undefined)).toEqual(free)
  expect(shown([{ allow: true }])).toEqual(free)
})
