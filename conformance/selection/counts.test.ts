import { describe, expect, test } from 'vitest'
import {
  asPreparation,
  asVitest,
  type Counter,
  engineCases,
  engineReports,
  fuzz,
  judge,
  loadRows,
  mutations,
  reportCases,
  suiteParts,
} from './counts.ts'

const ended = (output: string, json?: unknown) => ({ status: 0, output, json })
const counts = (passed: number, failed: number, skipped: number) => ({ passed, failed, skipped })

describe('counters', () => {
  test('engineCases() takes a failure that nobody is blamed for as skipped', () => {
    const tsrun = {
      run: { result: 'passed' },
      pause: { result: 'failed', why: 'exit code 1' },
      'run --pod new:': { result: 'failed', why: 'explained' },
      'run --memory': { result: 'skipped', why: 'no controller' },
    }
    const report = { runtimes: { tsrun, runc: { run: { result: 'failed' } } }, blamed: ['pause'] }
    expect(engineCases(ended('', report))).toEqual(counts(1, 1, 2))
    expect(engineReports(ended('', [report, report]))).toEqual(counts(2, 2, 4))
    expect(engineReports(ended(''))).toEqual(counts(0, 0, 0))
  })

  test('reportCases() and suiteParts() count verdicts', () => {
    const verdicts = ['passed', 'passed', 'skipped', 'failed'] as const
    expect(reportCases(ended('', { cases: verdicts.map(verdict => ({ verdict })) }))).toEqual(counts(2, 1, 1))
    expect(suiteParts(ended('', { create: 'passed', start: 'failed', hooks: 'skipped' }))).toEqual(counts(1, 1, 1))
  })

  test('mutations() counts lines', () => {
    expect(mutations(ended('right  CVE-1  as it is: 1 passed\nWRONG  CVE-2  x: 0 failed\nnot right  \n'))).toEqual(
      counts(1, 1, 0),
    )
  })

  test('loadRows() counts rows of the table', () => {
    const table = [
      '|  | tries | whole | nothing | left behind | problems | notes |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| kills: create: planner | 3 | 1 | 2 | 0 | 0 | 41.3 ms |',
      '| hooks: slow | 1 |  |  | 1 | 0 |  |',
      '| hooks: dead | 1 |  |  | 0 | 12 |  |',
    ].join('\n')
    expect(loadRows(ended(table))).toEqual(counts(1, 2, 0))
  })

  test('fuzz() is one case, and nothing that ran is no proof', () => {
    const of = (text: string) => fuzz(ended(`explained 1 times: x\n${text}\n`))
    expect(of('from seed 1: 59 configurations, 42 ran, 0 differences')).toEqual(counts(1, 0, 0))
    expect(of('from seed 1: 59 configurations, 42 ran, 10 differences')).toEqual(counts(0, 1, 0))
    expect(of('from seed 1: 59 configurations, 0 ran, 0 differences')).toEqual(counts(0, 1, 0))
    expect(of('from seed 1: 30 texts, 20 refused, 10 containers, 0 badly taken')).toEqual(counts(1, 0, 0))
    expect(of('from seed 1: 30 texts, 20 refused, 10 containers, 1 badly taken')).toEqual(counts(0, 1, 0))
    expect(fuzz(ended(''))).toEqual(counts(0, 1, 0))
  })

  test.each<[string, Counter]>(Object.entries({ engineCases, reportCases, suiteParts }))(
    '%s() finds nothing without a file',
    (_, counter) => {
      expect(counter(ended(''))).toEqual(counts(0, 0, 0))
    },
  )
})

describe('judge()', () => {
  const passing: Counter = () => counts(5, 0, 1)
  const failing: Counter = () => counts(5, 2, 0)

  test('adds a failure for an end that no case accounts for', () => {
    expect(judge(passing, ended(''), [])).toEqual(counts(5, 0, 1))
    expect(judge(passing, { status: 1, output: '' }, [])).toEqual(counts(5, 1, 1))
    expect(judge(passing, { status: null, output: '' }, [])).toEqual(counts(5, 1, 1))
    expect(judge(failing, { status: 1, output: '' }, [])).toEqual(counts(5, 2, 0))
  })

  test('adds a failure for what was left behind', () => {
    expect(judge(passing, ended(''), ['process: sleep 1000', 'mount: /x'])).toEqual(counts(5, 1, 1))
  })

  test('adds a failure when there was nothing to count', () => {
    expect(judge(engineCases, ended(''), [])).toEqual(counts(0, 1, 0))
    expect(judge(asPreparation, ended(''), [])).toEqual(counts(0, 0, 0))
    expect(judge(asPreparation, { status: 2, output: '' }, [])).toEqual(counts(0, 1, 0))
  })
})

test('asVitest() is what a reporter of vitest writes', () => {
  expect(asVitest(counts(3, 0, 2), [])).toEqual({
    failures: [],
    numPassedTests: 3,
    numFailedTests: 0,
    numPendingTests: 2,
    numTodoTests: 0,
    success: true,
  })
  expect(asVitest(counts(3, 1, 0), ['one'])).toMatchObject({ failures: ['one'], numFailedTests: 1, success: false })
})
