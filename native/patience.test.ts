import { afterEach, expect, test } from 'vitest'
import { doing } from './failure.ts'
import type { Kernel } from './kernel.ts'
import { pollPatiently, SLOW_MS, tellSlow, whenSlow } from './patience.ts'

const told: string[] = []
whenSlow(text => told.push(text))
afterEach(() => void told.splice(0))

/** A kernel whose poll gives these answers, and keeps how long each was to wait. */
function polling(...answers: number[]) {
  const timeouts: number[] = []
  const poll = (_: unknown, timeout: number) => {
    timeouts.push(timeout)
    return [answers.shift() ?? 0]
  }
  return { kernel: { poll } as unknown as Kernel, timeouts }
}

const wait = (kernel: Kernel, timeout: number) => pollPatiently(kernel, [], timeout, () => tellSlow('waiting'))

test('what comes in time is not told', () => {
  const { kernel, timeouts } = polling(1)
  expect(wait(kernel, -1)).toEqual([1])
  expect([timeouts, told]).toEqual([[SLOW_MS], []])
})

test('what comes late is told once, with what is being done', () => {
  const { kernel, timeouts } = polling(0, 1)
  expect(doing('start `web`', () => wait(kernel, -1))).toEqual([1])
  expect([timeouts, told]).toEqual([[SLOW_MS, -1], ['start `web`: waiting (it takes more than 5 s)']])
})

test('no wait gets longer or is told when it is short', () => {
  const long = polling(0, 0)
  expect(wait(long.kernel, SLOW_MS + 10)).toEqual([0])
  expect(long.timeouts).toEqual([SLOW_MS, 10])
  told.splice(0)
  const short = polling(0)
  expect(wait(short.kernel, SLOW_MS)).toEqual([0])
  expect([short.timeouts, told]).toEqual([[SLOW_MS], []])
})
