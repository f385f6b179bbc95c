// What all parts of the load have in common: a name, a time for which they go on, and figures.

import type { Place } from './place.ts'

export interface Figures {
  readonly tries: number
  /** In how many a whole container was there afterwards, and in how many nothing of it. */
  readonly whole?: number
  readonly nothing?: number
  /** Anything left behind after the try and a `delete --force`, one line each. */
  readonly left: readonly string[]
  /** What was not as it should be, one line each. */
  readonly problems: readonly string[]
  /** Measured values, in words. */
  readonly notes?: readonly string[]
}

export interface Part {
  readonly name: string
  readonly what: string
  /** Goes on until `goesOn()` says no, which may be told how many kills have hit so far; makes at least one round. */
  run(place: Place, goesOn: (hits?: number) => boolean): Promise<readonly Row[]>
}

export interface Row {
  readonly name: string
  readonly figures: Figures
}

/** Counts as the tries go on. */
export class Count implements Figures {
  tries = 0
  whole = 0
  nothing = 0
  readonly left: string[] = []
  readonly problems: string[] = []
  readonly notes: string[] = []
}

export function hasFailed({ left, problems }: Figures): boolean {
  return left.length > 0 || problems.length > 0
}

/** A Markdown table, a row for each. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map(({ name, figures }) => {
    const { tries, whole, nothing, left, problems, notes = [] } = figures
    return [name, tries, whole ?? '', nothing ?? '', left.length, problems.length, notes.join('; ')]
  })
  const head = ['', 'tries', 'whole', 'nothing', 'left behind', 'problems', 'notes']
  const lines = [head, head.map(() => '---'), ...cells]
  return `${lines.map(line => `| ${line.join(' | ')} |`).join('\n')}\n`
}
