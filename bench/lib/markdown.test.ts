import { expect, test } from 'vitest'
import { section, table } from './markdown.ts'
import type { Measurement, Outcome, Subject } from './results.ts'
import { summarize } from './stats.ts'

const tsrun: Subject = { name: 'tsrun', label: 'tsrun', kind: 'tsrun' }
const runc: Subject = { name: 'runc-1.3', label: 'runc 1.3', kind: 'peer' }
const floor: Subject = { name: 'floor', label: 'floor', kind: 'bound' }

const sampled = (...samples: number[]): Outcome => ({
  samples,
  stats: summarize(samples),
  total: samples.reduce((sum, sample) => sum + sample, 0),
})

const measurement = (rows: Measurement['rows'], more: Partial<Measurement> = {}): Measurement => ({
  id: 'run',
  title: 'One run',
  unit: 'ms',
  figure: 'median',
  better: 'less',
  reference: 'runc-1.3',
  rows,
  ...more,
})

test('table() aligns names to the left and numbers to the right', () => {
  expect(
    table([
      ['runtime', 'ms'],
      ['tsrun', '7'],
    ]),
  ).toBe('| runtime |  ms |\n| ------- | --: |\n| tsrun   |   7 |')
})

test('section() prints totals as the well-known table does', () => {
  const rows = [
    { subject: tsrun, outcome: sampled(840, 850) },
    { subject: runc, outcome: sampled(1640, 1700) },
  ]
  const text = section(measurement(rows, { figure: 'total', unit: 's' }))
  expect(text).toMatch(/^\| tsrun +\| +0:01.69 \| +-49.4 % \|$/m)
  expect(text).toMatch(/^\| runc 1.3 +\| +0:03.34 \| + \|$/m)
})

test('section() has median and spread, and compares with the reference', () => {
  const rows = [
    { subject: tsrun, outcome: sampled(10, 20, 30) },
    { subject: runc, outcome: sampled(40, 40, 40) },
  ]
  const text = section(measurement(rows))
  expect(text).toContain('against runc 1.3')
  expect(text).toMatch(/^\| tsrun +\| +\*\*20\*\* \| +10 \| +12 \| +28 \| +30 \| +10 \| +3 \| +-50.0 % \|$/m)
})

test('section() compares with a lower bound by factors', () => {
  const rows = [
    { subject: tsrun, outcome: sampled(13) },
    { subject: floor, outcome: sampled(10) },
  ]
  expect(section(measurement(rows, { reference: 'floor' }))).toMatch(/^\| tsrun .* 1.30 x \|$/m)
})

test('section() shows failures and what was skipped as such, and compares with nobody then', () => {
  const rows: Measurement['rows'] = [
    { subject: tsrun, outcome: { skipped: 'it has no `exec`' } },
    { subject: runc, outcome: { failure: 'exit code 1: no room' } },
  ]
  const text = section(measurement(rows))
  expect(text).toMatch(/^\| tsrun +\| +skipped \|/m)
  expect(text).toMatch(/^\| runc 1.3 +\| +FAILED \|/m)
  expect(text).toContain('- tsrun skipped: it has no `exec`\n- runc 1.3 failed: exit code 1: no room')
  expect(text).toContain('against the reference')
})

test('section() says why nobody was measured', () => {
  expect(section(measurement([], { unavailable: 'there is no strace' }))).toContain('Not measured: there is no strace.')
})
