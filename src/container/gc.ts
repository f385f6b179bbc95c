import { ELOOP, ENOENT, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD, LOCK_EX, LOCK_NB } from '../../native/abi/fcntl.ts'
import { CLOCK_BOOTTIME, CLOCK_REALTIME } from '../../native/abi/time.ts'
import type { Kernel } from '../../native/kernel.ts'
import { everyCgroup, removeEmptyCgroup } from '../cgroup/cgroup.ts'
import { type CgroupMark, readMark, rootIdentity } from '../cgroup/mark.ts'
import { dirname } from '../paths.ts'
import type { Runtime } from '../runtime.ts'
import { STATE_FILE } from '../state/record.ts'
import { isPopulated } from '../state/status.ts'
import { listIds, openContainerIfAny, removeDirectory, type StoredContainer } from '../state/store.ts'
import { destroyContainer } from './delete.ts'

/** How far gc goes. */
export interface GcRequest {
  /** Every container that has stopped is an orphan. */
  readonly all: boolean
  /** So are those that have stopped and were created that long ago. */
  readonly olderThanMs: number | undefined
}

/** Something that a dead container has left, or that looks like it. */
export interface Remnant {
  readonly kind: 'container' | 'cgroup' | 'file'
  /** An id, or a path. */
  readonly what: string
  /** Why it is an orphan, or why it is left alone. */
  readonly why: string
}

export interface Remnants {
  readonly orphans: readonly Remnant[]
  /** What may be of use to somebody. */
  readonly kept: readonly Remnant[]
}

/** What was found out about one thing. Undefined: it is in use, and nobody's business. */
type Verdict = { readonly orphan: boolean; readonly why: string } | undefined

const orphan = (why: string): Verdict => ({ orphan: true, why })
const keep = (why: string): Verdict => ({ orphan: false, why })

/** A container whose creation was killed has no record. One whose creation goes on has none either, but not for that long. */
const CREATION_S = 600

/** Ticks of field 22 of /proc/PID/stat in a second. */
const USER_HZ = 100

const TEMPORARY = `${STATE_FILE}.tmp`

/** Looks for what dead containers of this directory have left. Changes nothing. */
export function findRemnants(runtime: Runtime, request: GcRequest): Remnants {
  const { outside, root } = runtime
  const found: [Remnant['kind'], string, Verdict][] = []
  for (const id of listIds(outside, root)) {
    using container = openContainerIfAny(outside, root, id, false)
    if (container === undefined || !tryLock(outside, container)) continue
    const verdict = judge(runtime, container, request)
    found.push(['container', id, verdict])
    if (!verdict?.orphan && hasTemporary(outside, container))
      found.push([
        'file',
        `${container.path}/${TEMPORARY}`,
        orphan('an update of it was killed while it wrote its state'),
      ])
  }
  for (const path of markedCgroups(runtime)) found.push(['cgroup', path, judgeCgroup(runtime, path, request)])
  const list = (wanted: boolean) =>
    found.flatMap(([kind, what, verdict]) => (verdict?.orphan === wanted ? [{ kind, what, why: verdict.why }] : []))
  return { orphans: list(true), kept: list(false) }
}

/** False when a command is at work on the container; else that has to wait until we close it. */
function tryLock(outside: Kernel<'outside'>, { directory }: StoredContainer): boolean {
  return outside.flock(directory, LOCK_EX | LOCK_NB, 'any')
}

function judge(runtime: Runtime, container: StoredContainer, { all, olderThanMs }: GcRequest): Verdict {
  const { outside } = runtime
  const { reading } = container
  if (reading.kind === 'newer') return keep(`its state was written by a newer tsrun: ${reading.why}`)
  if (reading.kind === 'damaged' && reading.foreign) return keep(reading.why)
  if (reading.kind !== 'record') return judgeUnfinished(runtime, container)
  const { record } = reading
  if (container.status !== 'stopped') return undefined
  if (record.cgroup !== undefined && isPopulated(outside, record.cgroup))
    return keep(`its first process is gone, but there are others in \`${record.cgroup}\``)
  if (all) return orphan('it has stopped')
  if (outside.statx(AT_FDCWD, record.bundle, 0, [ENOENT, ENOTDIR]).stat === undefined)
    return orphan(`it has stopped, and its bundle \`${record.bundle}\` is gone`)
  if (Number(record.startTime) > uptimeTicks(outside)) return orphan('it has stopped: it is of an earlier boot')
  const age = now(outside) - Date.parse(record.created)
  if (olderThanMs !== undefined && age > olderThanMs)
    return orphan(`it has stopped, and was created at ${record.created}`)
  return keep('it has stopped, and its owner may yet ask for it or delete it')
}

function judgeUnfinished({ outside }: Runtime, container: StoredContainer): Verdict {
  const { reading } = container
  const what =
    reading.kind === 'damaged' ? `its state is damaged: ${reading.why}` : 'it has no state: its creation was killed'
  const changed = outside.statx(container.directory, '').stat?.modified ?? Number.POSITIVE_INFINITY
  if (now(outside) / 1000 - changed < CREATION_S) return keep(`${what}, or goes on: it is a few minutes old`)
  const cgroups = cgroupsOf(outside, container.path).filter(path => isPopulated(outside, path))
  if (cgroups.length > 0) return keep(`${what}, but there are processes in \`${cgroups[0]}\`; delete --force ends them`)
  return orphan(what)
}

/** Milliseconds since 1970. */
function now(outside: Kernel<'outside'>): number {
  return outside.clock(CLOCK_REALTIME) / 1e6
}

/** Since boot, on the clock of field 22. /proc/uptime may be made up, as in a container with lxcfs. */
function uptimeTicks(outside: Kernel<'outside'>): number {
  return (outside.clock(CLOCK_BOOTTIME) / 1e9) * USER_HZ
}

function hasTemporary(outside: Kernel<'outside'>, container: StoredContainer): boolean {
  return outside.statx(container.directory, TEMPORARY).stat !== undefined
}

/** Cgroups that tsrun has made for containers in the directory of that path. */
function markedCgroups({ outside, root }: Runtime): string[] {
  return everyCgroup(outside).filter(path => dirname(readMark(outside, path)?.path ?? '/') === root)
}

function cgroupsOf(outside: Kernel<'outside'>, container: string): string[] {
  return everyCgroup(outside).filter(path => readMark(outside, path)?.path === container)
}

function judgeCgroup({ outside, root }: Runtime, path: string, { all }: Pick<GcRequest, 'all'>): Verdict {
  const mark = readMark(outside, path)
  if (mark === undefined || hasContainer(outside, mark)) return undefined
  const gone = `its container \`${mark.path}\` is gone`
  if (isPopulated(outside, path)) return keep(`${gone}, but there are processes in it`)
  if (mark.root === rootIdentity(outside, root) || all) return orphan(gone)
  return keep(`${gone}, or in another directory of that name; --all takes it`)
}

function hasContainer(outside: Kernel<'outside'>, { path }: CgroupMark): boolean {
  return outside.statx(AT_FDCWD, path, 0, [ENOENT, ENOTDIR, ELOOP]).stat !== undefined
}

/**
 * Removes an orphan, if it still is one: what was found before may have come into use. Runs the poststop hooks of
 * containers. False when it is none any more. Errors: those of delete.
 */
export function removeRemnant(runtime: Runtime, { kind, what }: Remnant, request: GcRequest): boolean {
  switch (kind) {
    case 'container':
      return removeContainer(runtime, what, request)
    case 'cgroup':
      return removeOwnCgroup(runtime, what, request)
    case 'file':
      return removeTemporary(runtime, what)
    default:
      return kind satisfies never
  }
}

function removeContainer(runtime: Runtime, id: string, request: GcRequest): boolean {
  const { outside, root } = runtime
  using lock = openContainerIfAny(outside, root, id, false)
  if (lock === undefined || !tryLock(outside, lock) || outside.statx(lock.directory, '').stat?.links === 0) return false
  // Read once more, now that nobody else can change it.
  using container = openContainerIfAny(outside, root, id, false)
  if (container === undefined || !judge(runtime, container, request)?.orphan) return false
  if (container.record !== undefined) destroyContainer(runtime, container)
  else {
    // The cgroup of the usual name may be anybody's.
    const cgroups = cgroupsOf(outside, container.path)
    removeDirectory(outside, root, id)
    for (const path of cgroups) removeOwnCgroup(runtime, path, request)
  }
  return true
}

/** Nothing is killed: who is in it belongs to somebody. */
function removeOwnCgroup(runtime: Runtime, path: string, request: GcRequest): boolean {
  const { outside } = runtime
  if (!judgeCgroup(runtime, path, request)?.orphan) return false
  return removeEmptyCgroup(outside, path)
}

function removeTemporary({ outside, root }: Runtime, path: string): boolean {
  using container = openContainerIfAny(outside, root, dirname(path).slice(root.length + 1), false)
  if (container === undefined || !tryLock(outside, container) || !hasTemporary(outside, container)) return false
  outside.unlink(container.directory, TEMPORARY)
  return true
}
