import type { Facts } from './facts.ts'
import { change, clock, number, times } from './format.ts'
import { figure, type Measurement, type Results, type Row, referenceRow, warnings } from './results.ts'

/** The report: facts, a table per measurement, notes. */
export function markdown(results: Results): string {
  const { facts, notes, measurements } = results
  const parts = [
    '# Benchmark of container runtimes',
    factTable(facts),
    ...warnings(results).map(warning => `> **Warning:** ${warning}`),
    ...measurements.map(measurement => section(measurement)),
    ...(notes.length === 0 ? [] : [`## Notes\n\n${notes.map(note => `- ${note}`).join('\n')}`]),
  ]
  return `${parts.join('\n\n')}\n`
}

/** Rows of cells as a table; the first row is the head, all columns but the first are numbers. */
export function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const widths = head.map((_, column) => Math.max(3, ...rows.map(row => row[column]!.length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [line(head), rule, ...body.map(line)].join('\n')
}

function factTable(facts: Facts): string {
  const versions = Object.entries(facts.versions).map(([name, version]) => `${name} ${version}`)
  const rows: [string, string][] = [
    ['date', facts.date],
    ['kernel', facts.kernel],
    ['processor', `${facts.cpu}, ${facts.cores} cores, ${facts.memoryGiB} GiB`],
    ['virtual machine', facts.virtualised],
    ['cgroups', facts.cgroups],
    ['file systems', facts.fileSystems],
    ['Node.js', facts.node],
    ['load at the start', facts.loadAtStart.toFixed(2)],
    ['versions', versions.join(', ')],
  ]
  return rows.map(([name, value]) => `- ${name}: ${value}`).join('\n')
}

/** A heading, the table, what the failed have to say, the note. */
export function section(measurement: Measurement): string {
  const { title, unavailable, note } = measurement
  const body = unavailable === undefined ? table(lines(measurement)) : `Not measured: ${unavailable}.`
  const words = measurement.rows.flatMap(explanation)
  const below = [...(words.length === 0 ? [] : [words.join('\n')]), ...(note === undefined ? [] : [note])]
  return [`## ${title}`, body, ...below].join('\n\n')
}

function lines(measurement: Measurement): string[][] {
  const reference = referenceRow(measurement)
  const against = reference ? `against ${reference.subject.label}` : 'against the reference'
  const total = measurement.figure === 'total'
  const head = total
    ? ['runtime', 'time', against]
    : ['runtime', `median, ${measurement.unit}`, 'min', 'p10', 'p90', 'max', 'MAD', 'n', against]
  return [head, ...measurement.rows.map(row => (total ? totalLine(row) : medianLine(row)).concat(compared(row)))]

  function compared(row: Row): string {
    const value = figure(measurement, row)
    const base = reference && figure(measurement, reference)
    if (value === undefined || base === undefined || row === reference) return ''
    return reference?.subject.kind === 'bound' ? times(value, base) : change(value, base)
  }
}

function totalLine({ subject, outcome }: Row): string[] {
  return [subject.label, 'stats' in outcome ? clock(outcome.total) : verdict(outcome)]
}

function medianLine({ subject, outcome }: Row): string[] {
  if (!('stats' in outcome)) return [subject.label, verdict(outcome), '', '', '', '', '', '']
  const { median, min, p10, p90, max, mad, count } = outcome.stats
  return [subject.label, `**${number(median)}**`, ...[min, p10, p90, max, mad].map(number), String(count)]
}

function verdict(outcome: { failure: string } | { skipped: string }): string {
  return 'failure' in outcome ? 'FAILED' : 'skipped'
}

function explanation({ subject, outcome }: Row): string[] {
  if ('stats' in outcome) return []
  const text = 'failure' in outcome ? `failed: ${outcome.failure}` : `skipped: ${outcome.skipped}`
  return [`- ${subject.label} ${text.replaceAll('\n', ' ')}`]
}
