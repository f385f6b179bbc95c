import { expect, test } from 'vitest'
import { change, clock, number, times } from './format.ts'

test('clock() has minutes, seconds and hundredths', () => {
  expect(clock(1690)).toBe('0:01.69')
  expect(clock(3344)).toBe('0:03.34')
  expect(clock(61_005)).toBe('1:01.01')
  expect(clock(600_000)).toBe('10:00.00')
})

test('clock() carries a rounded-up second over', () => {
  expect(clock(59_999)).toBe('1:00.00')
})

test('change() tells by how much less or more', () => {
  expect(change(1690, 3340)).toBe('-49.4 %')
  expect(change(150, 100)).toBe('+50.0 %')
  expect(change(100, 100)).toBe('0.0 %')
})

test('times() tells how many times as much', () => {
  expect(times(13, 10)).toBe('1.30 x')
})

test('number() keeps three digits', () => {
  expect(number(5.678)).toBe('5.68')
  expect(number(56.78)).toBe('56.8')
  expect(number(567.8)).toBe('568')
  expect(number(12_345.6)).toBe('12 346')
  expect(number(3)).toBe('3')
  expect(number(-1234567)).toBe('-1 234 567')
})
