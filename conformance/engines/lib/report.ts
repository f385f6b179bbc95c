import type { Case, Outcome } from './case.ts'

/** Outcomes by the name of the case. */
export type Outcomes = Readonly<Record<string, Outcome>>

export interface Report {
  readonly engine: string
  readonly date: string
  /** First lines of what programs say of their version. */
  readonly versions: readonly string[]
  /** By runtime; the first is the one that is judged. */
  readonly runtimes: Readonly<Record<string, Outcomes>>
  /** What was left when all was over, by runtime. */
  readonly left: Readonly<Record<string, readonly string[]>>
}

const WORDS = { passed: 'ok', failed: '**fails**', skipped: 'skipped' }

function remark(entry: Case, outcomes: readonly (Outcome | undefined)[]): string {
  const skipped = outcomes.find(outcome => outcome?.result === 'skipped')
  if (skipped !== undefined && 'why' in skipped) return skipped.why
  return outcomes.some(outcome => outcome?.result === 'failed') ? (entry.explained ?? '') : ''
}

const count = (outcomes: Outcomes, result: Outcome['result']) =>
  Object.values(outcomes).filter(outcome => outcome.result === result).length

/** A row for each case, a column for each runtime, and sums. */
export function markdown(report: Report, cases: readonly Case[]): string {
  const names = Object.keys(report.runtimes)
  const rows = cases
    .filter(entry => names.some(name => report.runtimes[name]![entry.name] !== undefined))
    .map(entry => {
      const outcomes = names.map(name => report.runtimes[name]![entry.name])
      const words = outcomes.map(outcome => (outcome === undefined ? '' : WORDS[outcome.result]))
      return [entry.name, ...words, remark(entry, outcomes)]
    })
  const sums = names.map(name => {
    const outcomes = report.runtimes[name]!
    const skipped = count(outcomes, 'skipped')
    return `${count(outcomes, 'passed')} of ${Object.keys(outcomes).length - skipped}`
  })
  const lines = [['case', ...names, ''], [...names.map(() => '---'), '---', '---'], ...rows, ['passed', ...sums, '']]
  const table = lines.map(cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`)
  return [`${report.date}: ${report.versions.join('; ')}`, '', ...table, ''].join('\n')
}

/** The cases that the first runtime fails, a peer passes, and nobody has explained. */
export function unexplained(report: Report, cases: readonly Case[]): string[] {
  const [first, ...peers] = Object.values(report.runtimes)
  return cases
    .filter(entry => entry.explained === undefined && first?.[entry.name]?.result === 'failed')
    .filter(({ name }) => peers.length === 0 || peers.some(peer => peer[name]?.result === 'passed'))
    .map(({ name }) => name)
}
