import type { Bench } from './bench.ts'
import { Interrupted } from './bench.ts'
import type { Measurement, Outcome, Quantity, Subject } from './results.ts'
import { rotated } from './schedule.ts'
import { summarize } from './stats.ts'

/** Somebody who takes part in a comparison. */
export interface Contender {
  readonly subject: Subject
  /** One sample of each quantity. A failure is thrown, and ends the part of this contender. */
  measure(): readonly number[] | Promise<readonly number[]>
  /** Why it can't take part at all. */
  readonly skipped?: string | undefined
}

export interface Comparison {
  readonly title: string
  readonly quantities: readonly Quantity[]
  readonly rounds: number
  /** Unmeasured calls at the start. */
  readonly warmUp?: number
}

/**
 * Measures round robin: everybody once per round, in rotating order, so that whatever else the machine does hits all
 * alike. Before the first round everybody is tried without measuring.
 */
export async function compare(
  bench: Bench,
  { title, quantities, rounds, warmUp = 1 }: Comparison,
  contenders: readonly Contender[],
): Promise<Measurement[]> {
  const samples = new Map(contenders.map(contender => [contender, quantities.map((): number[] => [])]))
  const failures = new Map<Contender, string>()
  const able = contenders.filter(({ skipped }) => skipped === undefined)
  bench.progress.begin(title, (warmUp + rounds) * able.length)

  for (let round = -warmUp; round < rounds; round++) {
    for (const contender of rotated(able, Math.max(round, 0))) {
      bench.progress.step(contender.subject.name)
      await bench.turn()
      if (failures.has(contender)) continue
      try {
        const values = await contender.measure()
        if (round >= 0) values.forEach((value, i) => void samples.get(contender)![i]!.push(value))
      } catch (error) {
        await bench.turn()
        if (error instanceof Interrupted) throw error
        failures.set(contender, failureText(error, round, rounds))
      }
    }
  }
  bench.progress.end()

  return quantities.map((quantity, i) => ({
    ...quantity,
    rows: contenders.map(contender => ({
      subject: contender.subject,
      outcome: outcome(contender, failures.get(contender), samples.get(contender)![i]!),
    })),
  }))
}

function failureText(error: unknown, round: number, rounds: number): string {
  const text = error instanceof Error ? error.message : String(error)
  return round < 0 ? text : `round ${round + 1} of ${rounds}: ${text}`
}

function outcome({ skipped }: Contender, failure: string | undefined, samples: readonly number[]): Outcome {
  if (skipped !== undefined) return { skipped }
  if (failure !== undefined) return { failure }
  return { samples, stats: summarize(samples), total: samples.reduce((sum, sample) => sum + sample, 0) }
}
