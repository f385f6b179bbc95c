// poststop hooks that can only fail. A failed one is a warning (runtime.md#lifecycle, step 13), so it keeps no container from running.

import type { JsonObject } from '../json.ts'
import { rememberPlaces } from '../places.ts'
import type { Complaint } from './namespacesOf.ts'

/**
 * Takes the poststop hooks that can only fail out of `data`, the JSON of a config.json, and the timeouts that are none,
 * and gives a word about each. What is wrong with them otherwise stays, for a validator to refuse; see places.ts.
 */
export function dropVainHooks(data: unknown): Complaint[] {
  const hooks = (data as { hooks?: { poststop?: unknown } } | null)?.hooks
  const list = hooks?.poststop
  if (hooks === undefined || !Array.isArray(list)) return []
  const told: Complaint[] = []
  const places: number[] = []
  const left = list.flatMap((hook: unknown, index) => {
    const pointer = `/hooks/poststop/${index}`
    const vain = whyVain(hook)
    if (vain !== undefined) {
      told.push({ pointer, reason: `${vain}: it can only fail, and is left out` })
      return []
    }
    places.push(index)
    if (!isZero(hook)) return [hook]
    told.push({ pointer: `${pointer}/timeout`, reason: 'is 0 and no limit' })
    const { timeout: _, ...rest } = hook
    return [rest]
  })
  hooks.poststop = left
  if (left.length < list.length) rememberPlaces(left, places)
  return told
}

function whyVain(hook: unknown): string | undefined {
  if (hook === null) return 'names no program'
  const { path, timeout } = hook as JsonObject
  if (path === '') return 'names no program'
  if (typeof timeout === 'number' && timeout < 0) return `has ${timeout} s to run`
  return undefined
}

/** crun sets no limit then, runc ends the hook at once; a hook that tidies up had better run. */
function isZero(hook: unknown): hook is JsonObject {
  return (hook as JsonObject).timeout === 0
}
