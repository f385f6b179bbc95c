import { expect, test } from 'vitest'
import { aloneIn, everywhere, markdownTable, type Outcome, totals, verdicts } from './table.ts'

const outcome = (passed: number, ...failed: string[]): Outcome => ({ passed, skipped: 0, failed })

const results = new Map([
  [
    'kill',
    new Map([
      ['tsrun', outcome(3)],
      ['runc', outcome(2, 'the signal arrives')],
    ]),
  ],
  [
    'start',
    new Map([
      ['tsrun', outcome(0, 'it runs', 'once only')],
      ['runc', outcome(1, 'once only')],
    ]),
  ],
])

test('markdownTable() has a row for each part and a column for each runtime', () => {
  expect(markdownTable(results, ['tsrun', 'runc'])).toBe(
    [
      '|  | tsrun | runc |',
      '| --- | --- | --- |',
      '| kill | 3 passed | 2 passed, **1 failed** |',
      '| start | 0 passed, **2 failed** | 1 passed, **1 failed** |',
      '',
    ].join('\n'),
  )
})

test('aloneIn() leaves out what fails everywhere', () => {
  expect(aloneIn(results, 'tsrun')).toEqual(['start: it runs'])
  expect(aloneIn(results, 'runc')).toEqual(['kill: the signal arrives'])
  const failing = new Map([
    ['tsrun', outcome(0, 'it runs')],
    ['runc', outcome(0, 'exit code 1')],
  ])
  expect(aloneIn(new Map([['run', failing]]), 'tsrun')).toEqual([])
  const hanging = new Map([
    ['tsrun', outcome(1, 'the last one')],
    ['runc', outcome(1, 'hangs')],
  ])
  expect(aloneIn(new Map([['run', hanging]]), 'tsrun')).toEqual([])
})

test('everywhere() has what fails with all runtimes', () => {
  expect(everywhere(results)).toEqual(['start: once only'])
})

test('totals() adds up the parts', () => {
  expect(totals(results, 'tsrun')).toBe('3 passed, 2 failed, 0 skipped')
})

test('verdicts() blames what fails alone and is not explained', () => {
  expect(verdicts(results, 'tsrun', {})).toEqual({ kill: 'passed', start: 'failed' })
  expect(verdicts(results, 'tsrun', { 'start: it runs': 'it can not' })).toEqual({ kill: 'passed', start: 'skipped' })
  expect(verdicts(results, 'runc', {})).toEqual({ kill: 'failed', start: 'skipped' })
  const unchecked = new Map([['hooks', new Map([['tsrun', outcome(0)]])]])
  expect(verdicts(unchecked, 'tsrun', {})).toEqual({ hooks: 'skipped' })
})
