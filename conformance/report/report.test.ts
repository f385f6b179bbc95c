import { expect, test } from 'vitest'
import { type Case, readVitest, tap } from './results.ts'
import { readStatements } from './statements.ts'
import { mark, missingTitles, page, unexplained } from './table.ts'

const COVERAGE = `
## runtime.md

| statement | where | test |
| --- | --- | --- |
| it starts | \`src/start.ts\` | \`conformance/life.test.ts\` “a start”, “another” |
| it stops | \`src/stop.ts\` | \`src/stop.test.ts\`, \`conformance/life.test.ts\` |
`

const cases: Case[] = [
  { file: 'conformance/life.test.ts', title: 'a start in time', verdict: 'passed' },
  { file: 'conformance/life.test.ts', title: 'a stop (crun: none)', verdict: 'failed', reason: 'it went on' },
  { file: 'conformance/other.test.ts', title: 'a start elsewhere', verdict: 'failed' },
]
const report = { runtime: 'crun version 1', cases }

test('readStatements() gives cases by file and by words of titles', () => {
  expect(readStatements(COVERAGE)).toEqual([
    {
      chapter: 'runtime.md',
      text: 'it starts',
      proofs: [{ file: 'conformance/life.test.ts', titles: ['a start', 'another'] }],
    },
    {
      chapter: 'runtime.md',
      text: 'it stops',
      proofs: [
        { file: 'src/stop.test.ts', titles: [] },
        { file: 'conformance/life.test.ts', titles: [] },
      ],
    },
  ])
})

test('mark() wants all cases that ran', () => {
  const [starts, stops] = readStatements(COVERAGE)
  expect(mark(starts!, report)).toBe('✓')
  expect(mark(stops!, report)).toBe('✗')
  expect(mark(starts!, { runtime: '', cases: cases.slice(2) })).toBe('–')
})

test('what has no case, and what has no reason, is told', () => {
  expect(missingTitles(readStatements(COVERAGE), cases)).toEqual(['conformance/life.test.ts: “another”'])
  const columns = [{ name: 'crun 1', report }]
  const differences = [{ runtime: /^crun/, title: 'a stop', reason: 'it never does' }]
  expect(unexplained(columns, differences)).toEqual(['crun 1: conformance/other.test.ts: a start elsewhere: '])
  expect(page(readStatements(COVERAGE), columns, differences)).toContain(
    '- crun 1, `life.test.ts`, a stop (crun: none): it never does\n',
  )
})

test('readVitest() and tap() keep title, verdict and the first line of the reason', () => {
  const results = {
    testResults: [
      {
        name: '/r/conformance/a.test.ts',
        assertionResults: [
          { fullName: 'fine', status: 'passed' },
          { fullName: 'left #1', status: 'pending' },
          { fullName: 'broken', status: 'failed', failureMessages: ['no\nat x'] },
        ],
      },
      { name: '/r/conformance/b.test.ts', message: 'no such module', assertionResults: [] },
    ],
  }
  const read = readVitest(JSON.stringify(results), '/r')
  expect(tap(read)).toBe(
    'ok 1 - a: fine\nok 2 - a: left \\#1 # SKIP\nnot ok 3 - a: broken\n  # no\n' +
      'not ok 4 - b: the file as a whole\n  # no such module\n',
  )
})
