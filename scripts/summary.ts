// What the steps of .ci/run counted, as its last line, after the names of all that failed: a reader may see only the end.
//
// tsx scripts/summary.ts [--failed N] FILE...
// The files are those of vitest's JSON reporter, or of programs that count as it does. One that is missing is a failure.

import { readFileSync } from 'node:fs'
import { basename, relative } from 'node:path'
import { parseArgs } from 'node:util'

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numTodoTests: number
  readonly success: boolean
  /** Of our own programs: a text for each failure, and for each test that passed only the second time. */
  readonly failures?: readonly string[]
  readonly unsteady?: readonly string[]
  /** Of vitest. */
  readonly testResults?: readonly {
    readonly name: string
    readonly status: string
    readonly message: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages: readonly string[] | null
    }[]
  }[]
}

const MISSING: Report = {
  ...{ numPassedTests: 0, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0, success: false },
  failures: ['no results: it did not end, or did not start'],
}

function read(path: string): Report {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Report
  } catch {
    return MISSING
  }
}

/** The tests whose messages are of this kind, a text each. */
function tests({ testResults = [] }: Report, unsteady: boolean): string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(process.cwd(), name)
    const texts = assertionResults
      .filter(({ status, failureMessages }) =>
        unsteady ? status === 'passed' && failureMessages?.length : status === 'failed',
      )
      .map(({ fullName, failureMessages }) => `${file}: ${fullName}\n${failureMessages?.[0] ?? ''}`)
    return texts.length === 0 && !unsteady && status === 'failed' ? [`${file}: ${message}`] : texts
  })
}

/** Without the stack, and short. */
function shortened(text: string): string {
  const lines = text.split('\n').filter(line => !/^\s+at /.test(line))
  return lines
    .slice(0, 14)
    .map(line => line.slice(0, 300))
    .join('\n    ')
}

const { values, positionals } = parseArgs({
  options: { failed: { type: 'string', default: '0' } },
  allowPositionals: true,
})
const total = { passed: 0, failed: Number(values.failed), skipped: 0 }
for (const path of positionals) {
  const report = read(path)
  const step = basename(path, '.json')
  for (const text of [...tests(report, true), ...(report.unsteady ?? [])])
    console.log(`unsteady, passed when tried again (${step}): ${shortened(text)}`)
  for (const text of [...tests(report, false), ...(report.failures ?? [])])
    console.log(`FAILED (${step}): ${shortened(text)}`)
  total.passed += report.numPassedTests
  total.skipped += report.numPendingTests + report.numTodoTests
  // A file that could not be loaded has no tests that could fail.
  total.failed += report.numFailedTests || (report.success ? 0 : 1)
}
const { passed, failed, skipped } = total
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed > 0 ? 1 : 0
