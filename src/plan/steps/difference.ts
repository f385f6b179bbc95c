/** A line that both have, or only one of them. */
export interface DiffLine<T> {
  readonly side: 'both' | 'first' | 'second'
  readonly entry: T
}

/** How one list becomes the other with the fewest lines taken out and put in: their longest common subsequence stays. */
export function difference<T>(first: readonly T[], second: readonly T[], key: (entry: T) => string): DiffLine<T>[] {
  const [a, b] = [first.map(key), second.map(key)]
  // common[i][j]: how many lines the rest from i and the rest from j have in common.
  const common = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i]![j] = a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!)
  const lines: DiffLine<T>[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ side: 'both', entry: first[i++]! })
      j++
    } else if (j === b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!))
      lines.push({ side: 'first', entry: first[i++]! })
    else lines.push({ side: 'second', entry: second[j++]! })
  }
  return lines
}
