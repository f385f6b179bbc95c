// What cases of confinement have seen: what was asked for, what the container saw of it, and what the kernel did when the
// program wanted more. A run with TSRUN_FIGURES has each of them as a line of JSON in that file; the virtual machines
// make a table of it (vm/results.ts).

import { appendFileSync } from 'node:fs'

export interface Figures {
  readonly asked: string
  readonly inside: string
  readonly kernel: string
}

/** Several lines become one. */
const flat = (text: string) =>
  text
    .trim()
    .replaceAll(/\s*\n\s*/g, ', ')
    .replaceAll(/\s+/g, ' ')

/** Keeps what a case has seen, if somebody wants it. Without the last one nothing more was wanted. */
export function recordFigures(asked: string, inside: string, kernel = '-'): void {
  const path = process.env['TSRUN_FIGURES']
  if (!path) return
  const figures: Figures = { asked: flat(asked), inside: flat(inside), kernel: flat(kernel) }
  appendFileSync(path, `${JSON.stringify(figures)}\n`)
}
