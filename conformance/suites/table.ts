/** What stands for the checks that were not reached. */
export const HANGS = 'hangs'

/** How one part of a suite ended with one runtime. */
export interface Outcome {
  readonly passed: number
  readonly skipped: number
  readonly failed: readonly string[]
}

/** Results by part of the suite, then by runtime. */
export type Results = ReadonlyMap<string, ReadonlyMap<string, Outcome>>

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return ''
  const { passed, failed, skipped } = outcome
  if (failed.length > 0) return `${passed} passed, **${failed.length} failed**`
  if (passed === 0) return skipped > 0 ? 'skipped' : 'nothing checked'
  return `${passed} passed`
}

/** A Markdown table: a row for each part, a column for each runtime. */
export function markdownTable(results: Results, runtimes: readonly string[]): string {
  const head = ['', ...runtimes]
  const rows = [...results].map(([part, outcomes]) => [part, ...runtimes.map(runtime => cell(outcomes.get(runtime)))])
  const lines = [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`)
  return `${lines.join('\n')}\n`
}

/** The failures of one runtime that another one does not have, as `part: description`. */
export function aloneIn(results: Results, runtime: string): string[] {
  return [...results].flatMap(([part, outcomes]) => {
    const own = outcomes.get(runtime)?.failed ?? []
    // One of which nothing passed, or that hung, may not have come so far.
    const others = [...outcomes]
      .filter(([name, { passed, failed }]) => name !== runtime && passed > 0 && !failed.includes(HANGS))
      .map(([, of]) => of.failed)
    return own.filter(text => others.some(failed => !failed.includes(text))).map(text => `${part}: ${text}`)
  })
}

/** The failures that all runtimes have, as `part: description`. */
export function everywhere(results: Results): string[] {
  return [...results].flatMap(([part, outcomes]) => {
    const [own, ...others] = [...outcomes.values()].map(({ failed }) => failed)
    return (own ?? []).filter(text => others.every(failed => failed.includes(text))).map(text => `${part}: ${text}`)
  })
}

/**
 * A verdict on each part for a runtime: `failed` when it fails alone and nobody has explained it, `passed` when all checks
 * do, `skipped` when there is nothing to learn here: no check, a failure that others have, too, or one that is explained.
 */
export function verdicts(
  results: Results,
  runtime: string,
  explained: Readonly<Record<string, string>>,
): Record<string, 'passed' | 'failed' | 'skipped'> {
  const blamed = aloneIn(results, runtime).filter(check => explained[check] === undefined)
  const verdict = (part: string) => {
    const { passed, failed } = results.get(part)!.get(runtime)!
    if (failed.some(check => blamed.includes(`${part}: ${check}`))) return 'failed'
    return failed.length === 0 && passed > 0 ? 'passed' : 'skipped'
  }
  return Object.fromEntries([...results.keys()].map(part => [part, verdict(part)]))
}

/** How many checks passed, failed and were skipped with a runtime. */
export function totals(results: Results, runtime: string): string {
  const all = [...results.values()].map(outcomes => outcomes.get(runtime)).filter(outcome => outcome !== undefined)
  const sum = (count: (outcome: Outcome) => number) => all.reduce((total, outcome) => total + count(outcome), 0)
  const [passed, failed, skipped] = [sum(of => of.passed), sum(of => of.failed.length), sum(of => of.skipped)]
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}
