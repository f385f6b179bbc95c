import { EACCES, EBUSY, ENOENT, EPERM, EROFS } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_PATH, O_RDONLY, O_WRONLY } from '../../native/abi/fcntl.ts'
import { CGROUP2_SUPER_MAGIC } from '../../native/abi/wait.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { ConfigError, Failure, HostError } from '../errors.ts'
import { isFrozen } from '../state/status.ts'
import type { Estate } from './birth.ts'

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
  /** Absolute path of its directory. */
  readonly path: string
  readonly estate: NonNullable<Estate['cgroup']>
}

/**
 * Finds the place of the container's cgroup and makes the directories above it. Undefined when an unprivileged runtime
 * can't have one and none is needed; `wanted` says why it is needed, if it is.
 */
export function openCgroupSite(
  outside: Kernel,
  relative: string,
  rootless: boolean,
  wanted: string | undefined,
): CgroupSite | undefined {
  const mount = cgroupMount(outside)
  if (mount === undefined) {
    if (rootless && wanted === undefined) return undefined
    throw new HostError(
      'cgroup version 2 is not mounted at /sys/fs/cgroup or /sys/fs/cgroup/unified; use --cgroup-manager disabled to run without',
    )
  }
  if (relative === '/')
    throw new ConfigError('the root of the cgroup tree can not be a container', '/linux/cgroupsPath')
  const path = `${mount}${relative}`
  const above = path.slice(0, path.lastIndexOf('/'))
  try {
    makeCgroups(outside, mount, above)
    if (outside.now({ name: 'faccessat', args: [AT_FDCWD, above, W_OK], tolerate: [EACCES, EROFS, EPERM] }) < 0)
      throw new Failure(`cgroup \`${above}\` is not ours to write`)
  } catch (error) {
    if (rootless && wanted === undefined) return undefined
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
  outside.mkdirat(AT_FDCWD, path, 0o755, [17])
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
  return fd.exists ? decode(outside.readAll(fd)).split('\n').filter(Boolean).map(Number) : []
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
  if (fd.exists) outside.writeText(fd, '1')
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
