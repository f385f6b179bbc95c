// Where the entries of lists stand in the file: what is left out must not shift the numbers by which the others are named.

import { escaped } from '../errors.ts'

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
  return keysOf(pointer).reduce((place, key) => {
    const original = placesOf(at)?.[Number(key)] ?? key
    at = child(at, key)
    return `${place}/${escaped(String(original))}`
  }, '')
}

/** The keys, from the outermost one on, of what a JSON pointer names. */
export function keysOf(pointer: string): string[] {
  const keys = pointer.split('/').slice(1)
  return keys.map(key => key.replace(/~1/g, '/').replace(/~0/g, '~'))
}

/** What is at that key of an object or a list, if there is one. */
export function child(data: unknown, key: string): unknown {
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>)[key] : undefined
}

/** Takes away an entry of a list, and remembers where the others stood. */
export function removeEntry(list: unknown[], index: number): void {
  const places = [...(placesOf(list) ?? list.keys())]
  places.splice(index, 1)
  list.splice(index, 1)
  rememberPlaces(list, places)
}

/** A copy in which the same lists have lost the same entries. */
export function copyWithPlaces<T>(data: T): T {
  if (typeof data !== 'object' || data === null) return data
  if (!Array.isArray(data))
    return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, copyWithPlaces(value)])) as T
  const copy = data.map(copyWithPlaces)
  const places = placesOf(data)
  if (places !== undefined) rememberPlaces(copy, places)
  return copy as T
}
