/**
 * The order of one round: everybody once, and each round begins one further, so that nobody always comes after the same
 * neighbour or always first.
 */
export function rotated<T>(subjects: readonly T[], round: number): T[] {
  if (subjects.length === 0) return []
  const start = round % subjects.length
  // Every second time around in the opposite direction, or the neighbours would stay the same.
  const turn = Math.floor(round / subjects.length) % 2 === 1
  const order = [...subjects.slice(start), ...subjects.slice(0, start)]
  return turn ? order.reverse() : order
}
