import { EACCES, EBUSY, EEXIST, ENODEV, ENOENT, EPERM, EROFS } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_PATH, O_RDONLY, O_WRONLY } from '../../native/abi/fcntl.ts'
import { CGROUP2_SUPER_MAGIC } from '../../native/abi/wait.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { ConfigError, doing, Failure, HostError, isErrno } from '../errors.ts'
import { firstLimit, neededControllers, type ResourcePlan } from '../plan/resources/resources.ts'
import type { LimitStep } from '../plan/resources/step.ts'
import { isFrozen } from '../state/status.ts'
import type { Estate } from './birth.ts'
import { DELEGATION_HINT, handOnEverything, requireControllers } from './cgroupControllers.ts'
import { delegatedCgroup } from './delegation.ts'

/** Where systemd and everybody else mount the version 2 tree: alone, or beside version 1 on a hybrid host. */
const MOUNT_POINTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'] as const
const W_OK = 2
const REMOVE_TRIES = 100
const REMOVE_PAUSE_MS = 10

/** The mount point of the cgroup version 2 tree, undefined when there is none. */
export function cgroupMount(outside: Kernel): string | undefined {
  return MOUNT_POINTS.find(path => {
    using fd = outside.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, [ENOENT])
    return fd.exists && outside.fileSystemType(fd) === CGROUP2_SUPER_MAGIC
  })
}

/** A cgroup that the container is to get. */
export interface CgroupSite {
  /** Where the tree is mounted. */
  readonly mount: string
  /** Absolute path of its directory; that of systemd's is known when the first process is in it. */
  readonly path: string
  /** What the keeper makes; undefined when systemd does. */
  readonly estate: Estate['cgroup']
  /** Has systemd make it for the first process; see Estate. */
  readonly adopt?: NonNullable<Estate['adopt']>
  /** Takes back what `adopt` made. */
  release?(): void
  /** Where the first process is, if not there but in a cgroup below. */
  readonly leaf?: string
  /** The name of systemd's unit. */
  readonly unit?: string
}

/** What is known of the place of a container's cgroup. */
export interface CgroupWish {
  /** Below the mount point of the tree. */
  readonly cgroupPath: string
  /** config.json names the path, so no other will do. */
  readonly cgroupAsked: boolean
  readonly resources: ResourcePlan
}

/**
 * Finds the place of the container's cgroup and makes the directories above it, which hand on the controllers that its
 * limits need. Undefined when an unprivileged runtime can't have one and nothing is limited.
 */
export function openCgroupSite(outside: Kernel, wish: CgroupWish, rootless: boolean): CgroupSite | undefined {
  const wanted = firstLimit(wish.resources)
  const mount = cgroupMount(outside)
  if (mount === undefined) {
    if (rootless && !wanted) return undefined
    throw new HostError(
      'cgroup version 2 is not mounted at /sys/fs/cgroup or /sys/fs/cgroup/unified; use --cgroup-manager disabled to run without',
    )
  }
  const elsewhere = wanted !== undefined && rootless && !wish.cgroupAsked
  const relative = elsewhere ? `${delegated(outside, mount, wanted)}${wish.cgroupPath}` : wish.cgroupPath
  if (relative === '/')
    throw new ConfigError('the root of the cgroup tree can not be a container', '/linux/cgroupsPath')
  const path = `${mount}${relative}`
  const above = path.slice(0, path.lastIndexOf('/'))
  try {
    makeCgroups(outside, mount, above)
    if (outside.now({ name: 'faccessat', args: [AT_FDCWD, above, W_OK], tolerate: [EACCES, EROFS, EPERM] }) < 0)
      throw new Failure(`cgroup \`${above}\` is not ours to write${rootless && wanted ? `; ${DELEGATION_HINT}` : ''}`)
    requireControllers(outside, { mount, rootless }, above, neededControllers(wish.resources))
  } catch (error) {
    if (rootless && !wanted) return undefined
    throw error
  }
  const exists = outside.statx(AT_FDCWD, path).stat !== undefined
  if (exists) refuseUsed(outside, path)
  const parent = outside.openat(AT_FDCWD, above, O_PATH | O_DIRECTORY)
  const name = path.slice(above.length + 1)
  return { mount, path, estate: { parent, name, exists } }
}

function makeCgroups(outside: Kernel, mount: string, path: string): void {
  if (path === mount || outside.statx(AT_FDCWD, path).stat !== undefined) return
  makeCgroups(outside, mount, path.slice(0, path.lastIndexOf('/')))
  outside.mkdirat(AT_FDCWD, path, 0o755, [EEXIST])
  handOnEverything(outside, path)
}

/** Without a cgroup there are no limits: for `--cgroup-manager disabled`. */
export function refuseLimits(resources: ResourcePlan): undefined {
  const limit = firstLimit(resources)
  if (limit === undefined) return
  throw new ConfigError('needs a cgroup, and --cgroup-manager disabled is given; leave one of them out', limit.pointer)
}

/** Limits of a user without privileges work below what is delegated to it. */
function delegated(outside: Kernel, mount: string, { pointer }: LimitStep): string {
  const base = delegatedCgroup(outside, mount)
  if (base !== undefined) return base
  return doing(pointer, () => {
    throw new HostError(`no cgroup is delegated to this user, so nothing can be limited; ${DELEGATION_HINT}`)
  })
}

/** A cgroup with processes belongs to somebody; a frozen one would freeze the container before it starts. */
function refuseUsed(outside: Kernel, path: string): void {
  const pids = cgroupPids(outside, path)
  if (pids.length > 0)
    throw new HostError(
      `the container's cgroup \`${path}\` is not empty: ${pids.length} process(es) found; choose another linux.cgroupsPath`,
    )
  if (isFrozen(outside, path))
    throw new HostError(`the container's cgroup \`${path}\` is frozen; thaw or remove it first`)
}

/** The processes in a cgroup, not those below it. */
export function cgroupPids(outside: Kernel, path: string): number[] {
  using fd = outside.openat(AT_FDCWD, `${path}/cgroup.procs`, O_RDONLY, 0, [ENOENT])
  if (!fd.exists) return []
  try {
    return decode(outside.readAll(fd)).split('\n').filter(Boolean).map(Number)
  } catch (error) {
    // Removed meanwhile; or the processes of a threaded cgroup are told by the one above that it belongs to.
    if (isErrno(error, 'ENODEV', 'EOPNOTSUPP')) return []
    throw error
  }
}

/** The cgroup and all below it, deepest first. */
export function cgroupTree(outside: Kernel, path: string): string[] {
  using fd = outside.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, [ENOENT])
  if (!fd.exists) return []
  const below = outside.readDirectory(fd).filter(name => (outside.statx(fd, name).stat?.mode ?? 0) >> 12 === 4)
  return [...below.flatMap(name => cgroupTree(outside, `${path}/${name}`)), path]
}

/** SIGKILL to every process in it and below; see cgroup.kill in cgroup-v2.rst, since 5.14. */
export function killCgroup(outside: Kernel, path: string): void {
  using fd = outside.openat(AT_FDCWD, `${path}/cgroup.kill`, O_WRONLY, 0, [ENOENT])
  // Systemd's may go at any moment.
  if (fd.exists) outside.writeText(fd, '1', undefined, undefined, [ENOENT, ENODEV])
}

/** Kills what is left in the cgroup and removes it with all below; waits for dying processes. */
export function removeCgroup(outside: Kernel, path: string): void {
  for (let i = 0; i < REMOVE_TRIES; i++) {
    if (outside.rmdir(AT_FDCWD, path, [ENOENT, EBUSY])) return
    if (outside.statx(AT_FDCWD, path).stat === undefined) return
    killCgroup(outside, path)
    for (const directory of cgroupTree(outside, path)) outside.rmdir(AT_FDCWD, directory, [ENOENT, EBUSY])
    if (outside.statx(AT_FDCWD, path).stat === undefined) return
    outside.sleep(REMOVE_PAUSE_MS)
  }
  throw new HostError(`cgroup \`${path}\` can not be removed: processes in it do not die`)
}
