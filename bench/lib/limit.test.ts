import { expect, test } from 'vitest'
import { isWithin, timesTheFloor } from './limit.ts'
import type { Results, Subject } from './results.ts'
import { summarize } from './stats.ts'

const quantity = { id: 'floor', title: '', unit: 'ms', figure: 'median', better: 'less' } as const

function results(times: Readonly<Record<string, number>>, unavailable?: string): Results {
  const rows = Object.entries(times).map(([name, value]) => {
    const subject: Subject = { name, label: name, kind: 'bound' }
    return { subject, outcome: { samples: [value], stats: summarize([value]), total: value } }
  })
  return { facts: {} as Results['facts'], notes: [], measurements: [{ ...quantity, rows, unavailable }] }
}

test('tsrun is taken times the floor', () => {
  expect(timesTheFloor(results({ tsrun: 15, floor: 6, 'crun-1.28': 20 }))).toBe(2.5)
})

test('what was not measured is an error with the reason, not a success', () => {
  expect(() => timesTheFloor(results({}, 'the containers differ'))).toThrow('--limit: the containers differ')
  expect(() => timesTheFloor(results({ floor: 6 }))).toThrow('tsrun or the floor failed')
})

test('one sitting of three has to be within the limit', async () => {
  const said: string[] = []
  const sittings = (...times: number[]) =>
    isWithin(
      3,
      async () => times.shift()!,
      text => said.push(text),
    )
  expect(await sittings(4, 3.5, 2.9)).toBe(true)
  expect(await sittings(4, 3.5, 3.1, 2)).toBe(false)
  expect(said).toHaveLength(6)
})
