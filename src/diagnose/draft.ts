import type { Complaint } from '../config/checks/namespacesOf.ts'
import type { JsonObject } from '../config/json.ts'
import { child, copyWithPlaces, keysOf, placesOf, pointerInFile, removeEntry } from '../config/places.ts'
import { ConfigError } from '../errors.ts'
import { isRequired } from './properties.ts'

/** Without which nothing else can be looked at. */
const STAND_INS: Readonly<Record<string, unknown>> = { ociVersion: '1.3.0' }

/**
 * A document whose faults are found one after the other: by those who stop at the first one, as `create` does. What a fault
 * is about is taken away and the rest is judged again. Pointers given out are those of the document as it was read.
 */
export class Draft<T> {
  readonly value: T
  /** The pointers of what was taken away. */
  readonly #removed: Set<string>

  constructor(value: T, removed: Iterable<string> = []) {
    this.value = value
    this.#removed = new Set(removed)
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
        if (pointer === undefined || !this.#remove(keysOf(pointer), consequence)) return found
        this.#removed.add(place!)
      }
    }
  }

  /** The faults that a judge finds who knows nothing of what others have found; nothing is taken away. */
  opinion(judge: (value: T) => void): Complaint[] {
    return new Draft(copyWithPlaces(this.value), this.#removed).faults(judge)
  }

  /** Takes away what stands there in the document as it was read, or the entry of a list that lacks it. */
  drop(place: string): void {
    const keys: string[] = []
    let at: unknown = this.value
    let entry = 0
    for (const key of keysOf(place)) {
      if (Array.isArray(at)) entry = keys.length + 1
      const index = placesOf(at)?.indexOf(Number(key))
      keys.push(index === undefined ? key : String(index))
      at = child(at, keys.at(-1)!)
    }
    const wrong = at === undefined ? keys.slice(0, entry) : keys
    if (wrong.length === 0) return
    this.#remove(wrong, false)
    this.#removed.add(place)
  }

  /** Where that was in the document as it was read. */
  place(pointer: string): string {
    return pointerInFile(this.value, pointer)
  }

  /** Was this, or something in it, taken away? Then that it is missing says nothing new. */
  #isTold(place: string): boolean {
    return [...this.#removed].some(told => told === place || told.startsWith(`${place}/`))
  }

  /** Takes away what is there, or what can not be without it. False when that is the document itself. */
  #remove(keys: readonly string[], goUp: boolean): boolean {
    const chain: unknown[] = [this.value]
    for (const key of keys) chain.push(child(chain.at(-1), key))
    let depth = keys.length
    while (depth > 0 && chain[depth] === undefined) depth--
    if (goUp && depth === keys.length) depth--
    while (depth > 1 && isRequired(keys.slice(0, depth))) depth--
    if (depth === 0 || (depth === 1 && isRequired([keys[0]!]))) return this.#standIn(keys[0])
    const [parent, key] = [chain[depth - 1], keys[depth - 1]!]
    if (Array.isArray(parent)) removeEntry(parent, Number(key))
    else delete (parent as JsonObject)[key]
    return true
  }

  #standIn(key: string | undefined): boolean {
    const top = this.value as JsonObject
    if (key === undefined || !Object.hasOwn(STAND_INS, key) || top[key] === STAND_INS[key]) return false
    top[key] = STAND_INS[key]
    return true
  }
}

/** The sentence of an error without the pointer in front. */
function bare({ pointer, reason }: ConfigError): string {
  return pointer !== undefined && reason.startsWith(`${pointer}: `) ? reason.slice(pointer.length + 2) : reason
}
