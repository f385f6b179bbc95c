import type { Config, NamespaceType } from '../../../spec/generated/config.ts'

/** What is wrong, and where. */
export interface Complaint {
  /** A JSON pointer into config.json; undefined when it is the whole. */
  readonly pointer: string | undefined
  /** One sentence. */
  readonly reason: string
}

/** Looks for one kind of mistake that a schema can not see. */
export type Check = (config: Config) => Complaint | undefined

/** The first complaint that `look` has about an entry of `list`, which stands at `pointer`; its own begins at the entry. */
export function firstOf<T>(
  list: readonly T[] | undefined,
  pointer: string,
  look: (entry: T) => Complaint | undefined,
): Complaint | undefined {
  if (list === undefined) return undefined
  for (let index = 0; index < list.length; index++) {
    const complaint = look(list[index]!)
    if (complaint !== undefined) return { ...complaint, pointer: `${pointer}/${index}${complaint.pointer}` }
  }
  return undefined
}

/** Complains about the second entry with the same `key`. */
export function duplicate<T>(
  list: readonly T[] | undefined,
  pointer: string,
  key: (entry: T) => string,
): Complaint | undefined {
  const seen = new Set<string>()
  return firstOf(list, pointer, entry => {
    if (seen.has(key(entry))) return { pointer: '', reason: `\`${key(entry)}\` is listed twice` }
    seen.add(key(entry))
    return undefined
  })
}

/** Complains about a path that does not begin with `/`. */
export function relative(path: string | undefined, pointer: string): Complaint | undefined {
  if (path === undefined || path.startsWith('/')) return undefined
  return { pointer, reason: `must be an absolute path, is ${JSON.stringify(path)}` }
}

/** Complains about a number outside of `low`..`high`. */
export function outside(
  value: number | bigint | undefined,
  low: number,
  high: number,
  pointer: string,
): Complaint | undefined {
  if (value === undefined || (value >= low && value <= high)) return undefined
  return { pointer, reason: `must be between ${low} and ${high}, is ${value}` }
}

/** Does the container have a namespace of this type other than the runtime's, new or joined? */
export function hasNamespace({ linux }: Config, type: NamespaceType): boolean {
  return linux?.namespaces?.some(namespace => namespace.type === type) ?? false
}

/** Does it join an existing namespace of this type? */
export function joinsNamespace({ linux }: Config, type: NamespaceType): boolean {
  return linux?.namespaces?.some(namespace => namespace.type === type && namespace.path !== undefined) ?? false
}
