import { number, times } from './format.ts'
import { table } from './markdown.ts'
import { figure, type Measurement, type Results, type Row } from './results.ts'
import { interval } from './stats.ts'

/** How a number of before and one of now compare, where both stand beside the same other subject of their sitting. */
export interface Change {
  readonly id: string
  readonly label: string
  /** Times the reference, in each sitting. */
  readonly before: number
  readonly after: number
  /** `after` through `before`, and its 95 % interval. */
  readonly ratio: number
  readonly low: number
  readonly high: number
}

/** A machine is another one each day; what stays is how many times the floor somebody takes, or the reference where that lacks. */
function yardstick({ rows, reference }: Measurement, other: Measurement): string | undefined {
  const has = (name: string | undefined) =>
    name !== undefined && samplesOf(rows, name) !== undefined && samplesOf(other.rows, name) !== undefined
  return ['floor', reference].find(has)
}

function samplesOf(rows: readonly Row[], name: string): readonly number[] | undefined {
  const outcome = rows.find(({ subject }) => subject.name === name)?.outcome
  return outcome !== undefined && 'samples' in outcome ? outcome.samples : undefined
}

/** Everybody who was measured in both sittings beside the same yardstick. */
export function changes(before: Results, after: Results): Change[] {
  return after.measurements.flatMap(measurement => {
    const earlier = before.measurements.find(({ id }) => id === measurement.id)
    const base = earlier && yardstick(measurement, earlier)
    if (earlier === undefined || base === undefined || measurement.figure !== 'median') return []
    return measurement.rows.flatMap(row => {
      const { name, label } = row.subject
      const lists = [samplesOf(earlier.rows, name), samplesOf(earlier.rows, base)]
      lists.push(samplesOf(measurement.rows, name), samplesOf(measurement.rows, base))
      if (name === base || lists.includes(undefined)) return []
      const value = ([was, wasBase, is, isBase]: readonly number[]) => is! / isBase! / (was! / wasBase!)
      const [low, high] = interval(lists as number[][], value)
      const beside = (of: Measurement) => {
        const at = (wanted: string) => figure(of, of.rows.find(({ subject }) => subject.name === wanted)!)!
        return at(name) / at(base)
      }
      const [was, is] = [beside(earlier), beside(measurement)]
      return [{ id: measurement.id, label, before: was, after: is, ratio: is / was, low, high }]
    })
  })
}

/** The changes as a table. Those whose interval has 1 in it are none that one could tell from noise. */
export function changesText(list: readonly Change[]): string {
  const rows = list.map(({ id, label, before, after, ratio, low, high }) => [
    id,
    label,
    times(before, 1),
    times(after, 1),
    number(ratio),
    `${number(low)} to ${number(high)}`,
    low > 1 || high < 1 ? 'yes' : 'no',
  ])
  const head = ['measurement', 'runtime', 'before', 'now', 'now/before', '95 %', 'differs']
  return `## Since then\n\n${table([head, ...rows])}\n\nTimes the floor, or the reference where there is no floor, each in its own sitting.\n`
}
