import { expect, test } from 'vitest'
import { allowedAccess, EVERY_ACCESS, planDeviceRules } from './deviceRules.ts'

const MKNOD = 1
const READ = 2
const WRITE = 4

test('planDeviceRules() takes what is absent, or -1, for everything', () => {
  expect(
    planDeviceRules([{ allow: false }, { allow: true, type: 'c', major: -1, minor: 3, access: 'rw' }]),
  ).toMatchObject([
    { allow: false, type: 'any', major: undefined, minor: undefined, access: EVERY_ACCESS },
    { allow: true, type: 'char', major: undefined, minor: 3, access: READ | WRITE },
    ...Array(11).fill({ allow: true }),
  ])
})

test('planDeviceRules() lets every container use the default devices and make nodes', () => {
  const rules = planDeviceRules([{ allow: false, access: 'rwm' }])
  for (const minor of [3, 5, 7, 8, 9]) expect(allowedAccess(rules, 'char', 1, minor)).toBe(EVERY_ACCESS)
  expect(allowedAccess(rules, 'char', 5, 2)).toBe(EVERY_ACCESS)
  expect(allowedAccess(rules, 'char', 136, 12345)).toBe(EVERY_ACCESS)
  expect(allowedAccess(rules, 'char', 10, 200)).toBe(EVERY_ACCESS) // tun, as crun and runc
  expect(allowedAccess(rules, 'char', 10, 229)).toBe(MKNOD)
  expect(allowedAccess(rules, 'block', 8, 0)).toBe(MKNOD)
})

test('planDeviceRules() filters nothing when there are no rules', () => {
  for (const rules of [planDeviceRules([]), planDeviceRules(undefined)]) {
    expect(allowedAccess(rules, 'block', 8, 0)).toBe(EVERY_ACCESS)
  }
})

test('planDeviceRules() refuses unknown words with their place', () => {
  expect(() => planDeviceRules([{ allow: true, type: 'p' }])).toThrow('/linux/resources/devices/0/type: `p` is not')
  expect(() => planDeviceRules([{ allow: true, major: -2 }])).toThrow('/linux/resources/devices/0/major: -2')
})

test.each([
  ['rwa', READ | WRITE],
  ['mrw', EVERY_ACCESS],
  ['RWM', 0],
  ['', 0],
])('planDeviceRules() takes letters other than r, w and m for nothing: `%s`', (access, bits) => {
  expect(planDeviceRules([{ allow: true, access }])[0]!.access).toBe(bits)
})

test('allowedAccess() adds up the bits of several allowing rules', () => {
  const rules = planDeviceRules([
    { allow: false },
    { allow: true, type: 'b', major: 8, access: 'r' },
    { allow: true, type: 'b', major: 8, minor: 1, access: 'w' },
  ])
  expect(allowedAccess(rules, 'block', 8, 1)).toBe(EVERY_ACCESS) // with the default mknod
  expect(allowedAccess(rules, 'block', 8, 2)).toBe(MKNOD | READ)
})

test('allowedAccess() takes away the bits of a later denying rule and leaves the others', () => {
  const rules = planDeviceRules([{ allow: true }, { allow: false, type: 'b', major: 8, minor: 0, access: 'w' }])
  expect(allowedAccess(rules, 'block', 8, 0)).toBe(MKNOD | READ)
  expect(allowedAccess(rules, 'block', 8, 1)).toBe(EVERY_ACCESS)
})
