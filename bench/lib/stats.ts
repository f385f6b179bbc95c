/** Samples in short. All in the unit of the samples. */
export interface Stats {
  readonly count: number
  readonly min: number
  readonly p10: number
  readonly median: number
  readonly p90: number
  readonly max: number
  /** Median of the distances from the median: the spread that a few outliers do not change. */
  readonly mad: number
}

/** The value below which the given part (0 to 1) of the sorted samples lies, interpolated between neighbours. */
export function quantile(sorted: readonly number[], part: number): number {
  const position = (sorted.length - 1) * part
  const below = sorted[Math.floor(position)]!
  const above = sorted[Math.ceil(position)]!
  return below + (above - below) * (position % 1)
}

/** Numbers from 0 to 1 that look random and are the same each time (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const RESAMPLES = 1000

/** The 95 % interval of what `value` makes of the medians of these lists, by bootstrap: each list drawn from itself anew. */
export function interval(
  lists: readonly (readonly number[])[],
  value: (medians: readonly number[]) => number,
): readonly [low: number, high: number] {
  const random = generator(1)
  const drawn = (list: readonly number[]) => list.map(() => list[Math.floor(random() * list.length)]!)
  const median = (list: readonly number[]) =>
    quantile(
      [...list].sort((a, b) => a - b),
      0.5,
    )
  const values = Array.from({ length: RESAMPLES }, () => value(lists.map(list => median(drawn(list)))))
  values.sort((a, b) => a - b)
  return [quantile(values, 0.025), quantile(values, 0.975)]
}

/** Sums samples up. At least one is needed. */
export function summarize(samples: readonly number[]): Stats {
  if (samples.length === 0) throw new RangeError('no samples to sum up')
  const sorted = [...samples].sort((a, b) => a - b)
  const median = quantile(sorted, 0.5)
  const distances = sorted.map(sample => Math.abs(sample - median)).sort((a, b) => a - b)
  return {
    count: sorted.length,
    min: sorted[0]!,
    p10: quantile(sorted, 0.1),
    median,
    p90: quantile(sorted, 0.9),
    max: sorted.at(-1)!,
    mad: quantile(distances, 0.5),
  }
}
