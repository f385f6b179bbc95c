import { expect, test } from 'vitest'
import { type Case, judge, type Outcome } from './case.ts'
import { markdown, type Report, unexplained } from './report.ts'

const cases: Case[] = [
  { name: 'run', run: 'true' },
  { name: 'pause', run: 'true' },
  { name: 'odd', run: 'true', explained: 'it can not be' },
  { name: 'limits', run: 'true', needs: ['memory'] },
]
const passed: Outcome = { result: 'passed' }
const failed: Outcome = { result: 'failed', why: 'exit code 1' }
const skipped: Outcome = { result: 'skipped', why: 'no controller' }
const report: Report = {
  engine: 'engine',
  date: '2026-01-01',
  versions: ['engine 1'],
  runtimes: {
    tsrun: { run: passed, pause: failed, odd: failed, limits: skipped },
    runc: { run: passed, pause: passed, odd: passed, limits: skipped },
  },
  left: {},
}

test('markdown() has a row for each case, remarks and sums', () => {
  expect(markdown(report, cases)).toBe(
    [
      '2026-01-01: engine 1',
      '',
      '| case | tsrun | runc |  |',
      '| --- | --- | --- | --- |',
      '| run | ok | ok |  |',
      '| pause | **fails** | ok |  |',
      '| odd | **fails** | ok | it can not be |',
      '| limits | skipped | skipped | no controller |',
      '| passed | 1 of 3 | 3 of 3 |  |',
      '',
    ].join('\n'),
  )
})

test('unexplained() is what a peer can do, without what is explained', () => {
  expect(unexplained(report, cases)).toEqual(['pause'])
  const alone = { ...report, runtimes: { tsrun: report.runtimes['tsrun']! } }
  expect(unexplained(alone, cases)).toEqual(['pause'])
  const same = { ...report, runtimes: { tsrun: report.runtimes['tsrun']!, runc: report.runtimes['tsrun']! } }
  expect(unexplained(same, cases)).toEqual([])
})

const ending = { status: 0, signal: null, stdout: 'hi\r\n', stderr: '' }

test('judge() compares output, exit code and errors', () => {
  const entry = { name: 'x', run: 'x' }
  expect(judge({ ...entry, prints: 'hi' }, ending)).toEqual(passed)
  expect(judge({ ...entry, prints: /^h/ }, ending)).toEqual(passed)
  expect(judge({ ...entry, prints: 'ho' }, ending)).toMatchObject({ result: 'failed', why: 'printed "hi", not "ho"' })
  expect(judge({ ...entry, status: 7 }, ending)).toMatchObject({ result: 'failed', why: 'exit code 0' })
  expect(judge({ ...entry, says: /no/ }, { ...ending, stderr: 'yes' })).toMatchObject({
    why: 'does not say /no/; stderr: "yes"',
  })
  expect(judge(entry, { ...ending, status: null, signal: 'SIGKILL' })).toMatchObject({ why: 'ended by SIGKILL' })
})
