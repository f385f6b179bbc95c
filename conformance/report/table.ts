// Statement by runtime: what the cases named in spec/coverage.md said.

import type { Differences } from './differences.ts'
import type { Case, Report } from './results.ts'
import type { Proof, Statement } from './statements.ts'

/** ✓: all cases that ran passed. ✗: one failed. –: none could run. */
export type Mark = '✓' | '✗' | '–'

export interface Column {
  readonly name: string
  readonly report: Report
}

/** The cases of a proof: by file and, if it has titles, by these. */
function casesOf({ file, titles }: Proof, cases: readonly Case[]): Case[] {
  const ofFile = cases.filter(one => one.file === file)
  return titles.length === 0 ? ofFile : ofFile.filter(one => titles.some(title => one.title.includes(title)))
}

/** What a runtime's cases say of a statement. */
export function mark({ proofs }: Statement, { cases }: Report): Mark {
  const verdicts = proofs.flatMap(proof => casesOf(proof, cases)).map(({ verdict }) => verdict)
  if (verdicts.includes('failed')) return '✗'
  return verdicts.includes('passed') ? '✓' : '–'
}

/** Titles in spec/coverage.md that are none of any case: a case was renamed. */
export function missingTitles(statements: readonly Statement[], cases: readonly Case[]): string[] {
  return statements.flatMap(({ proofs }) =>
    proofs.flatMap(({ file, titles }) => {
      const ofFile = cases.filter(one => one.file === file)
      return titles
        .filter(title => ofFile.length > 0 && !ofFile.some(one => one.title.includes(title)))
        .map(title => `${file}: “${title}”`)
    }),
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |\n`).join('')
}

function statementTables(statements: readonly Statement[], columns: readonly Column[]): string {
  const chapters = [...new Set(statements.map(({ chapter }) => chapter))]
  return chapters
    .map(chapter => {
      const rows = statements
        .filter(statement => statement.chapter === chapter)
        .map(statement => [statement.text, ...columns.map(({ report }) => mark(statement, report))])
      return `## ${chapter}\n\n${table(['', ...columns.map(({ name }) => name)], rows)}`
    })
    .join('\n')
}

function counts(columns: readonly Column[]): string {
  const rows = columns.map(({ name, report: { runtime, cases } }) => {
    const fromOutside = cases.filter(({ file }) => file.startsWith('conformance/'))
    const count = (verdict: Case['verdict']) => `${fromOutside.filter(one => one.verdict === verdict).length}`
    return [name, runtime, count('passed'), count('failed'), count('skipped')]
  })
  return table(['', 'version', 'cases passed', 'failed', 'left out'], rows)
}

function failures(columns: readonly Column[], differences: Differences): string {
  const lines = columns.flatMap(({ name, report }) =>
    report.cases
      .filter(({ verdict }) => verdict === 'failed')
      .map(one => {
        const why = explain(name, one, differences) ?? '**not explained**'
        return `- ${name}, \`${one.file.replace(/^conformance\/(cases\/)?/, '')}\`, ${one.title}: ${why}\n`
      }),
  )
  return lines.length === 0 ? 'None.\n' : lines.join('')
}

function explain(name: string, { title }: Case, differences: Differences): string | undefined {
  return differences.find(row => row.runtime.test(name) && title.includes(row.title))?.reason
}

/** `(crun: ...)` at the end of a title tells how another runtime behaves where the case leaves it out. */
function leftOut(columns: readonly Column[]): string {
  const lines = columns.flatMap(({ name, report }) =>
    report.cases.flatMap(({ title, verdict }) => {
      const [kind] = name.split(' ')
      const [, behaviour] = new RegExp(`\\((?:[^()]*[,;] )?${kind}: ([^()]+)\\)`).exec(title) ?? []
      return verdict !== 'skipped' || behaviour === undefined
        ? []
        : [`- ${name}: ${title.replace(/^(.*\(skipped: [^()]*\) )/, '').replace(/ \([^()]*\)$/, '')}: ${behaviour}\n`]
    }),
  )
  return lines.join('')
}

/** The whole page. */
export function page(statements: readonly Statement[], columns: readonly Column[], differences: Differences): string {
  return `<!-- Made by \`npx tsx conformance/report/main.ts --table\`: see conformance/report/README.md. -->

# The specification, statement by statement

Each statement of [coverage.md](../../spec/coverage.md) and what the cases in \`conformance/\` saw. They look at containers
from outside and inside, know nothing of how a runtime is made, and run on any. ✓ all that ran passed, ✗ one failed, – none
could run: the statement is about something that only unit tests of tsrun show, the runtime does not have it, or the machine
that made this page lacks it (controllers of cgroup version 2, systemd, SELinux, AppArmor: \`npm run test:vm\`).

${counts(columns)}
${statementTables(statements, columns)}
## Failures

${failures(columns, differences)}
## Where a case leaves a runtime out

${leftOut(columns)}`
}

/** The failures that nothing explains, as lines. */
export function unexplained(columns: readonly Column[], differences: Differences): string[] {
  return columns.flatMap(({ name, report }) =>
    report.cases
      .filter(one => one.verdict === 'failed' && explain(name, one, differences) === undefined)
      .map(one => `${name}: ${one.file}: ${one.title}: ${one.reason ?? ''}`),
  )
}
