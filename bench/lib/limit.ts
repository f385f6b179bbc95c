import { figure, type Results } from './results.ts'

/** How many times the floor tsrun takes. Throws an error with the reason where that was not measured. */
export function timesTheFloor({ measurements, notes }: Results): number {
  const measurement = measurements.find(({ id }) => id === 'floor')
  const [tsrun, floor] = ['tsrun', 'floor'].map(name => {
    const row = measurement?.rows.find(({ subject }) => subject.name === name)
    return row && figure(measurement!, row)
  })
  if (tsrun === undefined || floor === undefined)
    throw new Error(
      `--limit: ${[measurement?.unavailable, ...notes].filter(Boolean).join('; ') || 'tsrun or the floor failed'}`,
    )
  return tsrun / floor
}

/** Measures until it is below the limit once, three times at most: a machine with other work only makes it more. */
export async function isWithin(
  limit: number,
  measure: () => Promise<number>,
  say: (text: string) => void,
): Promise<boolean> {
  for (let sitting = 1; sitting <= 3; sitting += 1) {
    const times = await measure()
    say(`\`run\` takes ${times.toFixed(2)} times the floor; the limit is ${limit}`)
    if (times <= limit) return true
  }
  return false
}
