import type { Complaint } from '../config/checks/namespacesOf.ts'
import type { JsonObject } from '../config/json.ts'
import { placesOf } from '../config/places.ts'
import { ConfigError, escaped } from '../errors.ts'
import { isRequired } from './properties.ts'

/** Without which nothing else can be looked at. */
const STAND_INS: Readonly<Record<string, unknown>> = { ociVersion: '1.3.0' }

/**
 * A document whose faults are found one after the other: by those who stop at the first one, as `create` does. What a fault
 * is about is taken away and the rest is judged again. Pointers given out are those of the document as it was read.
 */
export class Draft<T> {
  readonly value: T
  /** Of lists that have lost entries here: where the others stood. */
  readonly #places: Map<unknown, number[]>
  /** The pointers of what was taken away. */
  readonly #removed: Set<string>

  constructor(value: T, removed: Iterable<string> = [], places = new Map<unknown, number[]>()) {
    this.value = value
    this.#removed = new Set(removed)
    this.#places = places
  }

  /** All that `judge` throws about it as ConfigErrors. Ends early where nothing can be taken away to go on. */
  faults(judge: (value: T) => void): Complaint[] {
    const found: Complaint[] = []
    for (;;) {
      try {
        judge(this.value)
        return found
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
        const { pointer } = error
        const place = pointer === undefined ? undefined : this.place(pointer)
        const consequence = place !== undefined && this.#isTold(place)
        if (!consequence) found.push({ pointer: place, reason: bare(error) })
        if (pointer === undefined || !this.#remove(pointer, consequence)) return found
        this.#removed.add(place!)
      }
    }
  }

  /** The faults that a judge finds who knows nothing of what others have found; nothing is taken away. */
  opinion(judge: (value: T) => void): Complaint[] {
    const copied = new Map<unknown, number[]>()
    return new Draft(this.#copy(this.value, copied) as T, this.#removed, copied).faults(judge)
  }

  /** Takes away what stands there in the document as it was read, or the entry of a list that lacks it. */
  drop(place: string): void {
    const current: string[] = []
    let at: unknown = this.value
    let entry = 0
    for (const key of place.split('/').slice(1).map(unescaped)) {
      const places = this.#placesOf(at)
      const now = places === undefined ? key : String(places.indexOf(Number(key)))
      if (Array.isArray(at)) entry = current.length + 1
      at = (at as JsonObject | undefined)?.[now]
      current.push(now)
    }
    const wrong = at === undefined ? current.slice(0, entry) : current
    if (wrong.length === 0) return
    this.#remove(`/${wrong.map(escaped).join('/')}`, false)
    this.#removed.add(place)
  }

  /** Where that was in the document as it was read. */
  place(pointer: string): string {
    let at: unknown = this.value
    const keys = pointer.split('/').slice(1)
    return keys.reduce((place, key) => {
      const original = this.#placesOf(at)?.[Number(key)] ?? key
      at = typeof at === 'object' && at !== null ? (at as JsonObject)[unescaped(key)] : undefined
      return `${place}/${original}`
    }, '')
  }

  /** Was this, or something in it, taken away? Then that it is missing says nothing new. */
  #isTold(place: string): boolean {
    return [...this.#removed].some(told => told === place || told.startsWith(`${place}/`))
  }

  /** Takes away what is there, or what can not be without it. False when that is the document itself. */
  #remove(pointer: string, goUp: boolean): boolean {
    const keys = pointer.split('/').slice(1).map(unescaped)
    const chain: unknown[] = [this.value]
    for (const key of keys) chain.push((chain.at(-1) as JsonObject | undefined)?.[key])
    let depth = keys.length
    while (depth > 0 && chain[depth] === undefined) depth--
    if (goUp && depth === keys.length) depth--
    while (depth > 1 && isRequired(keys.slice(0, depth))) depth--
    if (depth === 0 || (depth === 1 && isRequired([keys[0]!]))) return this.#standIn(keys[0])
    const [parent, key] = [chain[depth - 1], keys[depth - 1]!]
    if (Array.isArray(parent)) {
      const places = [...(this.#placesOf(parent) ?? parent.keys())]
      this.#places.set(parent, places)
      places.splice(Number(key), 1)
      parent.splice(Number(key), 1)
    } else delete (parent as JsonObject)[key]
    return true
  }

  /** Also of lists that have lost entries when they were read. */
  #placesOf(node: unknown): readonly number[] | undefined {
    return this.#places.get(node) ?? placesOf(node)
  }

  #standIn(key: string | undefined): boolean {
    const top = this.value as JsonObject
    if (key === undefined || !Object.hasOwn(STAND_INS, key) || top[key] === STAND_INS[key]) return false
    top[key] = STAND_INS[key]
    return true
  }

  #copy(node: unknown, copied: Map<unknown, number[]>): unknown {
    if (typeof node !== 'object' || node === null) return node
    const copy = Array.isArray(node)
      ? node.map(entry => this.#copy(entry, copied))
      : Object.fromEntries(Object.entries(node).map(([key, value]) => [key, this.#copy(value, copied)]))
    const places = this.#placesOf(node)
    if (places !== undefined) copied.set(copy, [...places])
    return copy
  }
}

/** The sentence of an error without the pointer in front. */
function bare({ pointer, reason }: ConfigError): string {
  return pointer !== undefined && reason.startsWith(`${pointer}: `) ? reason.slice(pointer.length + 2) : reason
}

function unescaped(key: string): string {
  return key.replace(/~1/g, '/').replace(/~0/g, '~')
}
