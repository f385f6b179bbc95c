// What a proof has shown, as numbers of cases.

import type { Outcomes } from '../engines/lib/report.ts'
import type { Report } from '../report/results.ts'

export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** How a command ended, and what it left for whoever counts. */
export interface Ending {
  /** The exit code; null when it was ended, by a signal or because its time was over. */
  readonly status: number | null
  /** Both streams. */
  readonly output: string
  /** What it wrote to the file of --json, if it did. */
  readonly json?: unknown
}

export type Counter = (ending: Ending) => Counts

const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 }

export function sum(list: readonly Counts[]): Counts {
  return list.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    NOTHING,
  )
}

function tally(verdicts: readonly ('passed' | 'failed' | 'skipped')[]): Counts {
  return sum(verdicts.map(verdict => ({ ...NOTHING, [verdict]: 1 })))
}

/** Nothing to count unless it fails: what only gets ready for others. */
export const asPreparation: Counter = ({ status }) => (status === 0 ? NOTHING : tally(['failed']))

/** What a script of conformance/engines writes. A failure that it does not blame on the runtime is none of ours. */
export const engineCases: Counter = ({ json }) => {
  if (json === undefined) return NOTHING
  const { runtimes, blamed } = json as { runtimes: Record<string, Outcomes>; blamed: readonly string[] }
  const [first = {}] = Object.values(runtimes)
  const verdicts = Object.entries(first).map(([name, { result }]) =>
    result === 'failed' && !blamed.includes(name) ? 'skipped' : result,
  )
  return tally(verdicts)
}

/** What `npm run proof engines` writes: that of one script after the other. */
export const engineReports: Counter = ending => {
  return sum(((ending.json ?? []) as unknown[]).map(json => engineCases({ ...ending, json })))
}

/** What `npm run proof conformance` writes. */
export const reportCases: Counter = ({ json }) =>
  json === undefined ? NOTHING : tally((json as Report).cases.map(({ verdict }) => verdict))

/** What the scripts of conformance/suites write: a verdict for each part. */
export const suiteParts: Counter = ({ json }) =>
  json === undefined ? NOTHING : tally(Object.values(json as Record<string, 'passed' | 'failed' | 'skipped'>))

/** The lines of `npm run proof mutations`. */
export const mutations: Counter = ({ output }) => {
  const words = output.match(/^(right|WRONG)(?= )/gm) ?? []
  return tally(words.map(word => (word === 'right' ? 'passed' : 'failed')))
}

/** The table of `npm run proof load`: a row passes with nothing left behind and no problem. */
export const loadRows: Counter = ({ output }) => {
  const rows = [...output.matchAll(/^\| .+? \| \d+ \| \d* \| \d* \| (\d+) \| (\d+) \|/gm)]
  return tally(rows.map(([, left, problems]) => (left === '0' && problems === '0' ? 'passed' : 'failed')))
}

/** The last line of `npm run proof fuzz`: one case, however many configurations were tried in the time. None that ran is no proof. */
export const fuzz: Counter = ({ output }) => {
  const [, ran, different] = /(\d+) ran, (\d+) differences$/m.exec(output) ?? []
  const [, refused, bad] = /(\d+) refused, \d+ containers, (\d+) badly taken$/m.exec(output) ?? []
  const passed = Number(ran ?? refused ?? 0) > 0 && (different ?? bad) === '0'
  return tally([passed ? 'passed' : 'failed'])
}

/**
 * The counts of a command, with a failure more for an end that they do not account for, when there was nothing to count,
 * and for what was left behind.
 */
export function judge(counter: Counter, ending: Ending, left: readonly string[]): Counts {
  const counts = counter(ending)
  const empty = counter !== asPreparation && counts.passed + counts.failed === 0
  const unaccounted = counts.failed === 0 && (ending.status !== 0 || empty)
  const extra = (unaccounted ? 1 : 0) + (left.length > 0 ? 1 : 0)
  return { ...counts, failed: counts.failed + extra }
}

/** As the JSON reporter of vitest says it, for whoever adds such files, with a few lines on each failure. */
export function asVitest(
  { passed, failed, skipped }: Counts,
  failures: readonly string[],
): Record<string, number | boolean | readonly string[]> {
  return {
    failures,
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    numTodoTests: 0,
    success: failed === 0,
  }
}
