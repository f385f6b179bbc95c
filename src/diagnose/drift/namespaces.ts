import { EACCES, ENOENT, EPERM, ESRCH } from '../../../native/abi/errno.ts'
import { AT_FDCWD } from '../../../native/abi/fcntl.ts'
import type { TimeOffsets } from '../../../spec/generated/config.ts'
import { NAMESPACES } from '../../plan/namespaces/namespaces.ts'
import { procText } from '../inspect.ts'
import type { Comparison, Deviation } from './comparison.ts'

/** A namespace of its own that is the host's after all, or another than the one that config.json names. */
export function namespaceDrift({ runtime: { outside }, config, now }: Comparison): Deviation[] {
  const asked = config.linux?.namespaces ?? []
  return NAMESPACES.flatMap(({ type }): Deviation[] => {
    const found = now.namespaces?.find(namespace => namespace.type === type)
    const at = asked.findIndex(namespace => namespace.type === type)
    if (found === undefined) return []
    const what = `the ${type} namespace`
    const pointer = at < 0 ? '/linux/namespaces' : `/linux/namespaces/${at}`
    if (at < 0) return found.shared ? [] : [{ pointer, what, expected: "the host's", found: 'another one', note: true }]
    const { path } = asked[at]!
    if (!path) return found.shared ? [{ pointer, what, expected: 'its own', found: "the host's" }] : []
    const named = outside.statx(AT_FDCWD, path, 0, [ENOENT, EACCES, EPERM, ESRCH]).stat
    if (named === undefined || named.inode === found.inode) return []
    return [{ pointer, what, expected: `${named.inode} of \`${path}\``, found: `${found.inode}` }]
  })
}

/**
 * Clocks of a time namespace that run differently. Nobody can set them once a process is in it, but `restore` has them go on
 * from where they were.
 */
export function clockDrift({ runtime: { outside }, record, config }: Comparison): Deviation[] {
  const wanted = config.linux?.timeOffsets
  const text = wanted && procText(outside, `${record.pid}/timens_offsets`)
  return text === undefined ? [] : offsetDrift(wanted!, text)
}

/** `text` is /proc/PID/timens_offsets, see time_namespaces(7). */
export function offsetDrift(wanted: TimeOffsets, text: string): Deviation[] {
  return Object.entries(wanted).flatMap(([clock, { secs = 0, nanosecs = 0 }]) => {
    const [, foundSecs, foundNanosecs] = new RegExp(`^${clock}\\s+(-?\\d+)\\s+(\\d+)$`, 'm').exec(text) ?? []
    if (foundSecs === undefined) return []
    const [expected, found] = [`${secs} s ${nanosecs} ns`, `${foundSecs} s ${foundNanosecs} ns`]
    const what = `the offset of the ${clock} clock`
    return expected === found ? [] : [{ pointer: `/linux/timeOffsets/${clock}`, what, expected, found, note: true }]
  })
}
