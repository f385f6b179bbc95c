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
