import { findRemnants, type GcRequest, type Remnant, type Remnants, removeRemnant } from '../../../container/gc.ts'
import { doing, Failure, UsageError } from '../../../errors.ts'
import type { Runtime } from '../../../runtime.ts'
import { parseDuration } from '../../line/duration.ts'
import { printable } from '../../printable.ts'
import type { Verb } from '../../verb.ts'

export const verb: Verb<'gc'> = (runtime, { force, all, format, 'older-than': age }) => {
  const request = { all, olderThanMs: age === undefined ? undefined : milliseconds(age) }
  return doing('gc', () => {
    const found = findRemnants(runtime, request)
    const failed = force ? removeAll(runtime, found.orphans, request) : []
    runtime.write(format === 'json' ? json(found, force, failed) : text(found, force, failed))
    return failed.length === 0 ? 0 : 1
  })
}

function milliseconds(text: string): number {
  const duration = parseDuration(text)
  if (duration === undefined) throw new UsageError(`gc: --older-than: \`${text}\` is no time such as 90m or 24h`)
  return duration
}

/** Those that are still there: one that can not be removed keeps nobody from removing the others. */
function removeAll(runtime: Runtime, orphans: readonly Remnant[], request: GcRequest): Remnant[] {
  return orphans.filter(remnant => {
    try {
      return !doing(remnant.what, () => removeRemnant(runtime, remnant, request))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      runtime.warn(error.message)
      return true
    }
  })
}

function json({ orphans, kept }: Remnants, force: boolean, failed: readonly Remnant[]): string {
  const removed = force ? orphans.filter(remnant => !failed.includes(remnant)) : []
  return `${JSON.stringify({ orphans, kept, removed, failed }, undefined, 2)}\n`
}

function text({ orphans, kept }: Remnants, force: boolean, failed: readonly Remnant[]): string {
  const deed = (remnant: Remnant) => (!force ? 'orphan' : failed.includes(remnant) ? 'not removed' : 'removed')
  const line = (word: string, { kind, what, why }: Remnant) => `${word}: ${kind} ${printable(`${what}: ${why}`)}\n`
  const end = orphans.length === 0 ? 'nothing to remove\n' : force ? '' : 'nothing is removed without --force\n'
  return [...orphans.map(one => line(deed(one), one)), ...kept.map(one => line('kept', one)), end].join('')
}
