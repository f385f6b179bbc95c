// Where the entries of lists stand in the file: what is left out must not shift the numbers by which the others are named.

const known = new WeakMap<readonly unknown[], readonly number[]>()

/** `list` has lost entries: those that are left stand at `places` in the file. */
export function rememberPlaces(list: readonly unknown[], places: readonly number[]): void {
  known.set(list, places)
}

/** Where the entries of a list stand in the file; undefined when it has lost none, or is no list. */
export function placesOf(list: unknown): readonly number[] | undefined {
  return Array.isArray(list) ? known.get(list) : undefined
}

/** Where the entry at `index` stands in the file. */
export function placeOf(list: readonly unknown[] | undefined, index: number): number {
  return placesOf(list)?.[index] ?? index
}

/** A JSON pointer into `data`, as one into the file. */
export function pointerInFile(data: unknown, pointer: string): string {
  let at = data
  const keys = pointer.split('/').slice(1)
  return keys.reduce((place, key) => {
    const original = placesOf(at)?.[Number(key)] ?? key
    at = typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[key] : undefined
    return `${place}/${original}`
  }, '')
}
