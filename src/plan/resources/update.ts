import type { Resources } from '../../../spec/generated/config.ts'

type Tree = Readonly<Record<string, unknown>>

/** Properties that the kernel keeps in files that depend on each other: one can not be planned without the others. */
const TOGETHER = [
  ['memory', ['limit', 'swap']],
  ['cpu', ['quota', 'period', 'burst']],
  ['cpu', ['shares', 'idle']],
] as const

/** By these, entries of a list are the same entry, with a new value. */
const KEYS = ['major', 'minor', 'pageSize'] as const

/**
 * The resources of a container after a change: what the change names is new, the rest is as it was. Lists are merged by
 * the device or page size that an entry is about; rules for devices, whose order matters, are replaced.
 */
export function mergeResources(old: Resources | undefined, change: Resources): Resources {
  const merged = mergeTrees((old ?? {}) as Tree, change as Tree) as Resources
  return change.devices === undefined ? merged : { ...merged, devices: change.devices }
}

function mergeTrees(old: Tree, change: Tree): Tree {
  const entries = Object.entries(change).map(([key, value]) => [key, mergeValues(old[key], value)])
  return { ...old, ...Object.fromEntries(entries) }
}

function mergeValues(old: unknown, change: unknown): unknown {
  if (Array.isArray(old) && Array.isArray(change)) {
    const changed = new Set(change.map(identity))
    return [...old.filter(entry => !changed.has(identity(entry))), ...change]
  }
  return isTree(old) && isTree(change) ? mergeTrees(old, change) : change
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function identity(entry: Tree): string {
  return KEYS.map(key => `${entry[key]}`).join(' ')
}

/**
 * The change, and from the old resources what it can not be planned without. A limit on memory that goes takes that on
 * swap along, as with cgroup version 1.
 */
export function completeChange(old: Resources | undefined, change: Resources): Resources {
  const complete: Record<string, unknown> = { ...change }
  for (const [section, keys] of TOGETHER) {
    const asked = (complete[section] ?? {}) as Tree
    if (!keys.some(key => asked[key] !== undefined)) continue
    const before = (old?.[section] ?? {}) as Tree
    const missing = keys.filter(key => asked[key] === undefined && before[key] !== undefined)
    if (section === 'memory' && asked['limit'] === -1) continue
    complete[section] = { ...asked, ...Object.fromEntries(missing.map(key => [key, before[key]])) }
  }
  return complete as Resources
}
