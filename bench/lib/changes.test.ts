import { expect, test } from 'vitest'
import { changes, changesText } from './changes.ts'
import type { Measurement, Outcome, Results } from './results.ts'
import { summarize } from './stats.ts'

const sampled = (middle: number): Outcome => {
  const samples = Array.from({ length: 41 }, (_, i) => middle * (1 + (i - 20) / 400))
  return { samples, stats: summarize(samples), total: 0 }
}

/** A sitting on a machine that is `slow` times slower: tsrun, crun, and a floor if there is one. */
function sitting(slow: number, tsrun: number, floor = true): Results {
  const rows: Measurement['rows'] = [
    { subject: { name: 'tsrun', label: 'tsrun', kind: 'tsrun' }, outcome: sampled(tsrun * slow) },
    { subject: { name: 'crun', label: 'crun', kind: 'peer' }, outcome: sampled(20 * slow) },
    ...(floor
      ? [{ subject: { name: 'floor', label: 'floor', kind: 'bound' as const }, outcome: sampled(6 * slow) }]
      : []),
  ]
  const run: Measurement = {
    id: 'run',
    title: '',
    unit: 'ms',
    figure: 'median',
    better: 'less',
    reference: 'crun',
    rows,
  }
  return { facts: {} as Results['facts'], notes: [], measurements: [run] }
}

test('a slower machine is no change', () => {
  const [tsrun, crun] = changes(sitting(1, 12), sitting(1.7, 12))
  expect(tsrun).toMatchObject({ id: 'run', label: 'tsrun' })
  expect([tsrun!.before, tsrun!.after, tsrun!.ratio, crun!.ratio].map(value => value.toFixed(3))).toEqual([
    '2.000',
    '2.000',
    '1.000',
    '1.000',
  ])
  expect(tsrun!.low).toBeLessThanOrEqual(1)
  expect(tsrun!.high).toBeGreaterThanOrEqual(1)
})

test('a tenth more is told, with an interval that has no 1 in it', () => {
  const list = changes(sitting(1, 12), sitting(0.8, 13.2))
  expect(list[0]!.ratio).toBeCloseTo(1.1)
  expect(list[0]!.low).toBeGreaterThan(1)
  const [line] = changesText(list)
    .split('\n')
    .filter(text => text.includes('tsrun'))
  expect(line!.replace(/\s+/g, ' ')).toMatch(/\| run \| tsrun \| 2\.00 x \| 2\.20 x \| 1\.10 \| .* \| yes \|/)
})

test('without a floor the reference takes its place', () => {
  const list = changes(sitting(1, 12, false), sitting(1, 12))
  expect(list.map(({ label }) => label)).toEqual(['tsrun'])
  expect(list[0]!.before).toBeCloseTo(0.6)
})

test('who was not measured before is left out', () => {
  expect(changes({ ...sitting(1, 12), measurements: [] }, sitting(1, 12))).toEqual([])
})
