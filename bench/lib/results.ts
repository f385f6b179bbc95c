import type { Facts } from './facts.ts'
import type { Stats } from './stats.ts'

/** Who is measured. */
export interface Subject {
  /** One word, for the command line and the JSON. */
  readonly name: string
  /** For tables and charts. */
  readonly label: string
  readonly kind: 'tsrun' | 'peer' | 'bound'
}

export type Outcome =
  | { readonly samples: readonly number[]; readonly stats: Stats; readonly total: number }
  | { readonly failure: string }
  | { readonly skipped: string }

export interface Row {
  readonly subject: Subject
  readonly outcome: Outcome
}

/** What is measured. */
export interface Quantity {
  /** Unique among all measurements. */
  readonly id: string
  readonly title: string
  readonly unit: string
  /** The figure is the median of the samples, or their sum printed as a clock shows it. */
  readonly figure: 'median' | 'total'
  readonly better: 'less' | 'more'
  /** The subject that the others are compared with. */
  readonly reference?: string | undefined
  /** Says under the table what a reader has to know. */
  readonly note?: string | undefined
  /** One of several measurements that belong on one axis: containers per second by starts at a time, say. */
  readonly series?: { readonly title: string; readonly axis: string; readonly x: number } | undefined
}

/** The outcome for every subject, or why nobody could be measured. */
export interface Measurement extends Quantity {
  readonly rows: readonly Row[]
  readonly unavailable?: string | undefined
}

export interface Results {
  readonly facts: Facts
  readonly notes: readonly string[]
  readonly measurements: readonly Measurement[]
}

/** What is larger says that somebody else used the machine. */
const SPREAD = 0.2

/** What a reader has to know before the numbers: the machine was busy, or a peer's times lie far from each other. */
export function warnings({
  facts: { loadAtStart, cores },
  measurements,
}: Pick<Results, 'facts' | 'measurements'>): string[] {
  const busy = loadAtStart > cores ? [`The load was ${loadAtStart.toFixed(1)} on ${cores} cores at the start.`] : []
  const spread = measurements.flatMap(({ id, rows }) =>
    rows.some(
      ({ subject, outcome }) => subject.kind === 'peer' && 'stats' in outcome && spreadOf(outcome.stats) > SPREAD,
    )
      ? [id]
      : [],
  )
  const wide = `Half of the distance from p10 to p90 of a peer is more than ${100 * SPREAD} % of its median`
  return [...busy, ...(spread.length === 0 ? [] : [`${wide}: ${spread.join(', ')}.`])]
}

function spreadOf({ p10, p90, median }: Stats): number {
  return median === 0 ? 0 : (p90 - p10) / 2 / median
}

/** The number that stands for a row, in the unit of the measurement; undefined when there is none. */
export function figure({ figure: which, unit }: Quantity, { outcome }: Row): number | undefined {
  if (!('stats' in outcome)) return undefined
  if (which === 'median') return outcome.stats.median
  return unit === 's' ? outcome.total / 1000 : outcome.total
}

/** The row that the others are compared with, if it has a number. */
export function referenceRow(measurement: Measurement): Row | undefined {
  const row = measurement.rows.find(({ subject }) => subject.name === measurement.reference)
  return row !== undefined && figure(measurement, row) !== undefined ? row : undefined
}
