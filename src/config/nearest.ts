/** Edit distance after Levenshtein, row by row. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}

/**
 * The candidate that was probably meant by a mistyped `word`: the only one that begins with it, else the one at the
 * smallest edit distance, if that is small for the length of the word. Undefined when nothing comes near.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const longer = candidates.filter(candidate => word.length > 1 && candidate.startsWith(word))
  if (longer.length === 1) return longer[0]
  let best: string | undefined
  let limit = Math.max(1, Math.floor(word.length * 0.4)) + 1
  for (const candidate of candidates) {
    const far = distance(word, candidate)
    if (far >= limit) continue
    limit = far
    best = candidate
  }
  return best
}
