// Single hardships, each a story with one right end.

import { Count, type Part, type Row } from './part.ts'
import type { Place } from './place.ts'

export interface Case {
  readonly name: string
  /** Tells its story; what it returns is not as it should be. */
  run(place: Place): Promise<readonly string[]> | readonly string[]
}

/** Runs cases in turn; after each there must be nothing. */
export function casesPart(name: string, what: string, cases: readonly Case[]): Part {
  return {
    name,
    what,
    async run(place, goesOn) {
      const counts = cases.map(one => ({ one, count: new Count() }))
      do {
        for (const { one, count } of counts) {
          count.tries += 1
          count.problems.push(...(await one.run(place)))
          const left = place.left()
          count.left.push(...left)
          if (left.length > 0) place.clear()
        }
      } while (goesOn())
      return counts.map(
        ({ one, count: { tries, left, problems } }): Row => ({ name: one.name, figures: { tries, left, problems } }),
      )
    },
  }
}

/** What is wrong when something does not hold. */
export function check(...facts: [holds: boolean, otherwise: string][]): string[] {
  return facts.filter(([holds]) => !holds).map(([, otherwise]) => otherwise)
}
