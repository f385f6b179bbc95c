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
