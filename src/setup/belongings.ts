import { ELOOP, ENOENT, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH } from '../../native/abi/fcntl.ts'
import { CGROUP2_SUPER_MAGIC, RDTGROUP_SUPER_MAGIC } from '../../native/abi/wait.ts'
import type { Kernel } from '../../native/kernel.ts'
import { cgroupMount, cgroupOfProcess, everyCgroup } from '../cgroup/cgroup.ts'
import { isMarkOf, readMark } from '../cgroup/mark.ts'
import { StateError } from '../errors.ts'
import { dirname, isWithin } from '../paths.ts'
import { cgroupPath } from '../plan/cgroup.ts'
import type { Runtime } from '../runtime.ts'
import type { ContainerRecord } from '../state/record.ts'
import { isAlive } from '../state/status.ts'
import type { StoredContainer } from '../state/store.ts'

// What a container's state names may be anybody's: the file may be damaged, of another container, or of yesterday, and the
// name be in other use since. So nothing of the host is killed, stopped, frozen, limited, entered, checkpointed or removed
// because a state names it: the kernel has to say that it is the container's. A cgroup is known by its id, which is never used
// again; those of records that have none, by the mark. A process is known by its start time and by being in that cgroup. Who
// only looks (state, list, inspect, wait) shows what the state names.

const GONE = [ENOENT, ENOTDIR, ELOOP]

/** What a state says, as far as it is in the right form. */
export type Claims = Partial<ContainerRecord>

export function claimsOf({ reading }: StoredContainer): Claims {
  return reading.kind === 'record' ? reading.record : reading.kind === 'none' ? {} : reading.rest
}

/** The cgroup that the state names: undefined when that is gone, or not the container's, and then why. */
interface Proof {
  readonly cgroup?: string
  readonly stranger?: string
}

function proveCgroup(runtime: Runtime, container: StoredContainer): Proof {
  const { outside } = runtime
  const { cgroup, cgroupId } = claimsOf(container)
  if (cgroup === undefined) return {}
  using fd = outside.openat(AT_FDCWD, cgroup, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, GONE)
  if (!fd.exists) return {}
  if (outside.fileSystemType(fd) !== CGROUP2_SUPER_MAGIC) return { stranger: 'it is no cgroup' }
  const inode = `${outside.statx(fd, '').stat?.inode}`
  if (cgroupId !== undefined) return inode === cgroupId ? { cgroup } : { stranger: 'it is a later one of that name' }
  return proveUnnumbered(runtime, container, cgroup)
}

/** A cgroup in a record that has no id of it. */
function proveUnnumbered(runtime: Runtime, container: StoredContainer, cgroup: string): Proof {
  const { outside } = runtime
  const mark = readMark(outside, cgroup)
  if (mark !== undefined)
    return isMarkOf(runtime, mark, container) ? { cgroup } : { stranger: `it is that of \`${mark.path}\`` }
  const ours = placeOf(outside, 'self')
  if (ours === undefined || isWithin(ours, cgroup)) return { stranger: 'it is the one that we are in' }
  const { pid, startTime } = claimsOf(container)
  const place =
    pid !== undefined && startTime !== undefined && isAlive(outside, { pid, startTime }) && placeOf(outside, pid)
  return place && isWithin(place, cgroup) ? { cgroup } : { stranger: 'nothing says that it is the container’s' }
}

/** The absolute path of the cgroup that a process is in, undefined when that can not be told. */
function placeOf(outside: Kernel<'outside'>, pid: number | 'self'): string | undefined {
  const mount = cgroupMount(outside)
  const path = cgroupOfProcess(outside, pid)
  // Outside of our cgroup namespace it begins with `/..`.
  if (mount === undefined || path === undefined || path.startsWith('/..')) return undefined
  return path === '/' ? mount : `${mount}${path}`
}

/** The container's cgroup, undefined when it has none or it is gone. Errors: StateError when its state names another. */
export function ownCgroup(runtime: Runtime, container: StoredContainer): string | undefined {
  const { cgroup, stranger } = proveCgroup(runtime, container)
  if (stranger !== undefined)
    throw new StateError(alien(container, `cgroup \`${claimsOf(container).cgroup}\``, stranger))
  return cgroup
}

function alien({ id }: StoredContainer, what: string, why: string): string {
  return `the state of container \`${id}\` names ${what}, which is not the container's: ${why}`
}

/**
 * Throws a StateError unless the first process, which is alive and has the right start time, is in the container's cgroup.
 * Returns that, if there is one. Without one the process may be anywhere but in the cgroup of another container; if there
 * was one, it may not be where we are or above either.
 */
export function requireOwnProcess(runtime: Runtime, container: StoredContainer, pid: number): string | undefined {
  const { cgroup, stranger } = proveCgroup(runtime, container)
  const place = placeOf(runtime.outside, pid)
  if (place === undefined || (cgroup !== undefined && isWithin(place, cgroup))) return cgroup
  if (isRemoved(runtime.outside, place)) return cgroup
  const why = stranger ?? (cgroup === undefined ? misplaced(runtime, container, place) : `it is in \`${place}\``)
  if (why !== undefined) throw new StateError(alien(container, `process ${pid}`, why))
  return undefined
}

/** The kernel says so of a cgroup in which nobody lives any more: what is left of the process waits to be reaped. */
function isRemoved(outside: Kernel<'outside'>, place: string): boolean {
  return place.endsWith(' (deleted)') && outside.statx(AT_FDCWD, place).stat === undefined
}

function misplaced(runtime: Runtime, container: StoredContainer, place: string): string | undefined {
  const { outside } = runtime
  const ours = placeOf(outside, 'self')
  if (claimsOf(container).cgroup !== undefined && ours !== undefined && isWithin(ours, place))
    return `it is in \`${place}\`, as we are`
  for (let at = place; at.length > 1; at = dirname(at)) {
    const mark = readMark(outside, at)
    if (mark !== undefined && !isMarkOf(runtime, mark, container)) return `it is in that of \`${mark.path}\``
  }
  return undefined
}

/** What is to be taken away with a container. */
export interface Belongings {
  readonly cgroups: readonly string[]
  /** Its unit of systemd, and whether that can still be active. */
  readonly unit?: { readonly name: string; readonly active: boolean } | undefined
  readonly resctrl: readonly string[]
  /** Sentences about what its state names and is not its own. */
  readonly strangers: readonly string[]
}

/** Finds it. A container without a state that can be read has the cgroups that are marked as its own. */
export function belongingsOf(runtime: Runtime, container: StoredContainer): Belongings {
  const { resctrl = [], cgroup: named } = claimsOf(container)
  const { cgroup, stranger } = proveCgroup(runtime, container)
  const own = (path: string) => isOwnGroup(runtime.outside, path, container.id)
  const strangers = resctrl
    .filter(path => !own(path))
    .map(path => alien(container, `\`${path}\``, 'it is no group of it'))
  if (stranger !== undefined) strangers.push(alien(container, `cgroup \`${named}\``, stranger))
  const readable = container.reading.kind === 'record'
  return {
    cgroups: cgroup !== undefined ? [cgroup] : readable ? [] : markedCgroups(runtime, container),
    unit: stranger === undefined ? unitOf(container, cgroup !== undefined) : undefined,
    resctrl: resctrl.filter(own),
    strangers,
  }
}

/** A scope has the container's cgroup, or that is below its own. When its cgroup is gone it is not active any more. */
function unitOf(container: StoredContainer, active: boolean): Belongings['unit'] {
  const { unit, cgroup } = claimsOf(container)
  return unit !== undefined && cgroup?.split('/').includes(unit) ? { name: unit, active } : undefined
}

/** The scope of a container that has processes. Errors: StateError when its state names one that is not the container's. */
export function ownUnit(container: StoredContainer): string | undefined {
  const { unit } = claimsOf(container)
  if (unit !== undefined && unitOf(container, true) === undefined)
    throw new StateError(alien(container, `\`${unit}\``, 'its cgroup is elsewhere'))
  return unit
}

/** See planResctrl(): the container's own groups have its name. */
function isOwnGroup(outside: Kernel<'outside'>, path: string, id: string): boolean {
  if (path.slice(path.lastIndexOf('/') + 1) !== id) return false
  using fd = outside.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, GONE)
  return fd.exists && outside.fileSystemType(fd) === RDTGROUP_SUPER_MAGIC
}

/** Usually it has the usual name. */
function markedCgroups(runtime: Runtime, container: StoredContainer): string[] {
  const { outside } = runtime
  const isOwn = (path: string) => {
    const mark = readMark(outside, path)
    return mark !== undefined && isMarkOf(runtime, mark, container)
  }
  const usual = `${cgroupMount(outside)}${cgroupPath(container.id, undefined)}`
  return isOwn(usual) ? [usual] : everyCgroup(outside).filter(isOwn)
}
