import { EACCES, EBUSY, EEXIST, ENODEV, ENOENT, EOPNOTSUPP, EPERM, EROFS } from '../../native/abi/errno.ts'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  R_OK,
  W_OK,
  X_OK,
} from '../../native/abi/fcntl.ts'
import { SIGKILL } from '../../native/abi/signal.ts'
import { CLOCK_MONOTONIC } from '../../native/abi/time.ts'
import { CGROUP2_SUPER_MAGIC } from '../../native/abi/wait.ts'
import { type Name, textOf } from '../../native/calls/file.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode, encode } from '../../native/utf8.ts'
import { ConfigError, doing, Failure, HostError, isErrno } from '../errors.ts'
import { openCgroupFile, regainBelow, regainCgroup } from '../kernel/cgroupAccess.ts'
import { firstLimit, neededControllers, type ResourcePlan } from '../plan/resources/resources.ts'
import type { LimitStep } from '../plan/resources/step.ts'
import { isFrozen, isPopulated } from '../state/status.ts'
import { DELEGATION_HINT, handOnEverything, requireControllers } from './controllers.ts'
import { delegatedCgroup } from './delegation.ts'
import { type CgroupMark, PATH_MAX, readMark } from './mark.ts'
import { makeThreaded, processesOf } from './threaded.ts'

/** Where systemd and everybody else mount the version 2 tree: alone, or beside version 1 on a hybrid host. */
const MOUNT_POINTS = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'] as const
/** How long a cgroup may take to go, and the pause between two tries. */
const REMOVE_MS = 10_000
const REMOVE_PAUSE_MS = 10
const LEFTOVER_MS = 3000
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
/** A cgroup is removed at any moment by whoever owns it. */
const GONE = [ENOENT, ENODEV]
const BUSY = [ENOENT, EBUSY]
const removeHints = { EACCES: 'the directory above it is not ours to write; root needs CAP_DAC_OVERRIDE for that' }

/** The mount point of the cgroup version 2 tree, undefined when there is none. */
export function cgroupMount(kernel: Pick<Kernel, 'fileSystemTypeAt'>): string | undefined {
  return MOUNT_POINTS.find(path => kernel.fileSystemTypeAt(path) === CGROUP2_SUPER_MAGIC)
}

/** A cgroup to be made: the directory that holds it, and its name there. */
export interface NewCgroup {
  readonly parent: Fd<'outside'>
  readonly name: string
  /** Somebody else has made it. */
  readonly exists: boolean
  /** Written to a new one, see mark.ts. */
  readonly mark?: string
  /** The child is born where we are and moves there, see KilledAtSpawn. */
  readonly moves?: boolean
  /** It is below a threaded one, and becomes threaded itself; see threaded.ts. */
  readonly threaded?: boolean
}

/** A cgroup that the container is to get. */
export interface CgroupSite {
  /** Where the tree is mounted. */
  readonly mount: string
  /** Absolute path of its directory; that of systemd's is known when the first process is in it. */
  readonly path: string
  /** What the keeper makes; undefined when systemd does. */
  readonly owned: NewCgroup | undefined
  /** Has systemd make it for the process that was just born, and returns its directory. */
  readonly enterScope?: (pid: number) => string
  /** Takes back what `enterScope` made. */
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
export function openCgroupSite(
  outside: Kernel<'outside'>,
  wish: CgroupWish,
  rootless: boolean,
  own: CgroupMark,
): CgroupSite | undefined {
  const wanted = firstLimit(wish.resources)
  const mount = cgroupMount(outside)
  if (mount === undefined) {
    if (rootless && !wanted) return undefined
    throw new HostError(
      'cgroup version 2 is not mounted at /sys/fs/cgroup or /sys/fs/cgroup/unified; use --cgroup-manager disabled to run without',
    )
  }
  const base = rootless && !wish.cgroupAsked ? delegated(outside, mount, wanted) : ''
  if (base === undefined) return undefined
  const relative = `${base}${wish.cgroupPath}`
  if (relative === '/')
    throw new ConfigError('the root of the cgroup tree can not be a container', '/linux/cgroupsPath')
  const path = `${mount}${relative}`
  const above = path.slice(0, path.lastIndexOf('/'))
  try {
    makeCgroups(outside, mount, above)
    const denied = outside.now({ name: 'faccessat', args: [AT_FDCWD, above, W_OK], tolerate: [EACCES, EROFS, EPERM] })
    if (denied < 0) {
      const hint = rootless ? wanted && DELEGATION_HINT : denied === -EACCES && 'root needs CAP_DAC_OVERRIDE for that'
      throw new Failure(`cgroup \`${above}\` is not ours to write${hint ? `; ${hint}` : ''}`)
    }
    requireControllers(outside, { mount, rootless }, above, neededControllers(wish.resources))
  } catch (error) {
    if (rootless && !wanted) return undefined
    throw error
  }
  const exists = outside.statx(AT_FDCWD, path).stat !== undefined && !removeLeftover(outside, path, own)
  if (exists) refuseUsed(outside, path)
  const parent = outside.openat(AT_FDCWD, above, O_PATH | O_DIRECTORY)
  const name = path.slice(above.length + 1)
  return { mount, path, owned: { parent, name, exists } }
}

function makeCgroups(outside: Kernel<'outside'>, mount: string, path: string): void {
  if (path === mount || outside.statx(AT_FDCWD, path).stat !== undefined) return
  makeCgroups(outside, mount, path.slice(0, path.lastIndexOf('/')))
  outside.mkdirat(AT_FDCWD, path, 0o755, [EEXIST])
  makeThreaded(outside, mount, path)
  handOnEverything(outside, path)
}

/** Without a cgroup there are no limits: for `--cgroup-manager disabled`. */
export function refuseLimits(resources: ResourcePlan): undefined {
  const limit = firstLimit(resources)
  if (limit === undefined) return
  throw new ConfigError('needs a cgroup, and --cgroup-manager disabled is given; leave one of them out', limit.pointer)
}

/** Cgroups of a user without privileges are below what is delegated to it. Undefined when nothing is, and none is needed. */
function delegated(outside: Kernel<'outside'>, mount: string, wanted: LimitStep | undefined): string | undefined {
  const base = delegatedCgroup(outside, mount)
  if (base !== undefined || wanted === undefined) return base
  return doing(wanted.pointer, () => {
    throw new HostError(`no cgroup is delegated to this user, so nothing can be limited; ${DELEGATION_HINT}`)
  })
}

/**
 * A cgroup of an earlier container of ours that its clean-up has not got done with goes: no later one could be born in it,
 * since processes in it may have been killed, and what is in one of this very id, of which there is no container, is what
 * was killed already and takes its time to die. False when it stays, or was never ours.
 */
function removeLeftover(outside: Kernel<'outside'>, path: string, own: CgroupMark): boolean {
  const mark = readMark(outside, path)
  if (mark === undefined) return false
  const isOwn = mark.root === own.root && mark.path === own.path
  if (!isOwn || outside.statx(AT_FDCWD, own.path).stat !== undefined) return removeEmptyCgroup(outside, path)
  killCgroup(outside, path)
  return removeEmptyCgroup(outside, path, LEFTOVER_MS)
}

/** A cgroup with processes belongs to somebody; a frozen one would freeze the container before it starts. */
function refuseUsed(outside: Kernel<'outside'>, path: string): void {
  const pids = cgroupPids(outside, path)
  if (pids.length > 0)
    throw new HostError(
      `the container's cgroup is not empty: ${pids.length} process(es) found in \`${path}\`; choose another linux.cgroupsPath`,
    )
  if (isFrozen(outside, path))
    throw new HostError(`the container's cgroup unexpectedly frozen: thaw or remove \`${path}\` first`)
}

/** The processes in a cgroup, not those below it. */
export function cgroupPids(outside: Kernel<'outside'>, path: string): number[] {
  using cgroup = outside.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, GONE)
  return cgroup.exists ? pidsIn(outside, cgroup) : []
}

function pidsIn(outside: Kernel<'outside'>, cgroup: Fd<'outside'>, file = 'cgroup.procs'): number[] {
  using fd = openCgroupFile(outside, cgroup, file, O_RDONLY, GONE)
  if (!fd.exists) return []
  try {
    return decode(outside.readAll(fd)).split('\n').filter(Boolean).map(Number)
  } catch (error) {
    if (isErrno(error, 'ENODEV')) return [] // removed meanwhile
    // The processes of a threaded cgroup are told by the one above that it belongs to.
    if (isErrno(error, 'EOPNOTSUPP')) return processesOf(outside, pidsIn(outside, cgroup, 'cgroup.threads'))
    throw error
  }
}

/** What a walk does on its way. */
interface WalkOptions {
  /** Those are a container's, so it may have taken away our rights to them. */
  readonly regains?: boolean
  /** Is told of one that is not ours to go into, not even so. */
  refused?(): void
  /** Before it goes into one; false when it need not. */
  enter?(above: Fd<'outside'>, name: Name): boolean
  /** In a cgroup, when it has been in all below. */
  leave?(cgroup: Fd<'outside'>): void
  /** In a cgroup, when it has been in the one below of this name, which has that path if one can be written. */
  left?(above: Fd<'outside'>, name: Name, path: string | undefined): void
}

/** A cgroup on the way of a walk. */
interface Level {
  readonly name: Name | undefined
  readonly path: string | undefined
  /** Those below where it has not been yet. */
  readonly below: Name[]
}

/** Undefined for a name that is no text, and for a path that no call takes. */
function join(path: string | undefined, name: Name): string | undefined {
  const text = textOf(name)
  if (path === undefined || text.includes('\uFFFD') || path.length + name.length >= PATH_MAX) return undefined
  return `${path}/${text}`
}

/**
 * Goes through a cgroup and all below it, those below first. Whoever owns a cgroup may nest and name others below it as
 * they like: a name is bytes, a path may be longer than any call takes, and there may be more levels than we may have
 * descriptors. So it goes from one to the next by descriptor, and has two of them at the most. No cgroup can be moved.
 */
export function walkCgroups(outside: Kernel<'outside'>, top: string, visit: WalkOptions): void {
  if (visit.regains) regainIfRefused(outside, top)
  let here = outside.openat(AT_FDCWD, top, DIRECTORY, 0, GONE)
  if (!here.exists) return
  const levels: Level[] = [{ name: undefined, path: top, below: namesBelow(outside, here) }]
  const go = (to: Name | string) => {
    const open = () => outside.openat(here, to, DIRECTORY, 0, 'any')
    let next = open()
    if (next.number === -EACCES && visit.regains) {
      regainBelow(outside, here, to)
      next = open()
      if (next.number === -EACCES) visit.refused?.()
    }
    if (next.exists) {
      here.close()
      here = next
    }
    return next.exists
  }
  try {
    for (;;) {
      const { name, path, below } = levels.at(-1)!
      const next = below.pop()
      if (next !== undefined) {
        // One that is gone, or not ours to read, is none.
        if (visit.enter?.(here, next) === false) continue
        if (go(next)) levels.push({ name: next, path: join(path, next), below: namesBelow(outside, here) })
        continue
      }
      visit.leave?.(here)
      levels.pop()
      if (name === undefined || !go('..')) return
      visit.left?.(here, name, path)
    }
  } finally {
    here.close()
  }
}

/** The rights to what is below are in the mode of a directory, too: nobody goes through, or removes anything, without. */
function regainIfRefused(outside: Kernel<'outside'>, cgroup: string): void {
  const refused = outside.now({ name: 'faccessat', args: [AT_FDCWD, cgroup, R_OK | W_OK | X_OK], tolerate: 'any' })
  if (refused === -EACCES) regainCgroup(outside, cgroup)
}

/** The links of a directory of cgroups are two, and one for each below: to read all names of many takes long. */
function namesBelow(outside: Kernel<'outside'>, cgroup: Fd<'outside'>): Name[] {
  return outside.statx(cgroup, '').stat?.links === 2 ? [] : outside.readDirectories(cgroup)
}

/** The processes in a cgroup and in those below it. */
export function pidsOfTree(outside: Kernel<'outside'>, path: string): number[] {
  const pids: number[][] = []
  walkCgroups(outside, path, { regains: true, leave: cgroup => void pids.push(pidsIn(outside, cgroup)) })
  return [...new Set(pids.flat())]
}

/**
 * SIGKILL to every process in it and below; see cgroup.kill in cgroup-v2.rst, since 5.14. A threaded cgroup has that file
 * and does not take it.
 */
export function killCgroup(outside: Kernel<'outside'>, path: string): void {
  using fd = openCgroupFile(outside, path, 'cgroup.kill', O_WRONLY, [...GONE, EACCES])
  // Systemd's may go at any moment.
  const args = [fd, encode('1'), 1]
  const call = { name: 'write', args, subject: `\`${path}/cgroup.kill\``, tolerate: [...GONE, EOPNOTSUPP] } as const
  if (fd.exists && outside.now(call) === -EOPNOTSUPP) killProcesses(outside, path)
}

/**
 * The signals of cgroup.kill are for threads, each process's first one. Where that has ended and others go on they reach
 * nobody: it takes signals to processes.
 */
export function killProcesses(outside: Kernel<'outside'>, path: string): void {
  forEachProcess(outside, path, pidfd => {
    outside.now({ name: 'pidfd_send_signal', args: [pidfd, SIGKILL, null, 0], tolerate: 'any' })
  })
}

/**
 * Does something with each process in the cgroup and below it, by a pidfd. One that our pid namespace does not see, which
 * has the number 0, is left out.
 */
export function forEachProcess(outside: Kernel<'outside'>, path: string, act: (pidfd: Fd<'outside'>) => void): void {
  const known = new Set<number>()
  const leave = (cgroup: Fd<'outside'>) => {
    const pids = pidsIn(outside, cgroup).filter(pid => pid > 1 && !known.has(pid))
    for (const pid of pids) known.add(pid)
    for (let i = 0; i < pids.length; i += HELD) actOnHeld(outside, cgroup, pids.slice(i, i + HELD), act)
  }
  walkCgroups(outside, path, { regains: true, leave })
}

/** So many processes are held at a time: to look once for each of them whether it is in the cgroup would take for ever. */
const HELD = 200

/** What is in the cgroup while its pidfd is held is the process that is meant. */
function actOnHeld(
  outside: Kernel<'outside'>,
  cgroup: Fd<'outside'>,
  pids: readonly number[],
  act: (pidfd: Fd<'outside'>) => void,
): void {
  using fds = new Fds()
  const held = pids.map(pid => ({ pid, pidfd: fds.keep(outside.pidfdOpen(pid)) })).filter(({ pidfd }) => pidfd.exists)
  if (held.length === 0) return
  const still = new Set(pidsIn(outside, cgroup))
  for (const { pid, pidfd } of held) if (still.has(pid)) act(pidfd)
}

/** A cgroup that stays, because the container has given others below it to another user. */
export class CgroupRefusal extends HostError {
  constructor(path: string) {
    super(`cgroup \`${path}\` stays: in it are others that are not ours to remove`)
  }
}

/** Kills what is left in the cgroup and removes it with all below; waits for dying processes. Errors: HostError, CgroupRefusal. */
export function removeCgroup(outside: Kernel<'outside'>, path: string): void {
  const kill = (again: boolean) => {
    killCgroup(outside, path)
    if (again) killProcesses(outside, path)
  }
  if (removeTree(outside, path, REMOVE_MS, kill)) return
  throw new HostError(
    `cgroup \`${path}\` can not be removed within ${REMOVE_MS / 1000} s: processes in it do not die, or somebody else puts others into it`,
  )
}

/** Removes the cgroup with all below, and kills nothing. False when there are processes in it. */
export function removeEmptyCgroup(outside: Kernel<'outside'>, path: string, milliseconds = 0): boolean {
  return removeTree(outside, path, milliseconds, () => {})
}

function removeTree(
  outside: Kernel<'outside'>,
  path: string,
  milliseconds: number,
  prepare: (again: boolean) => void,
): boolean {
  const end = outside.clock(CLOCK_MONOTONIC) + milliseconds * 1e6
  for (let again = false; ; again = true) {
    if (isRemoved(outside, path)) return true
    prepare(again)
    const isRefused = removeBelow(outside, path)
    if (isRemoved(outside, path)) return true
    const isOver = outside.clock(CLOCK_MONOTONIC) >= end
    if (isRefused && (isOver || !isPopulated(outside, path))) throw new CgroupRefusal(path)
    if (isOver) return false
    outside.sleep(REMOVE_PAUSE_MS)
  }
}

function isRemoved(outside: Kernel<'outside'>, path: string): boolean {
  return outside.rmdir(AT_FDCWD, path, BUSY, removeHints) || outside.statx(AT_FDCWD, path).stat === undefined
}

/** Removes all below; only where there are others below is gone into. True when something is not ours to remove. */
function removeBelow(outside: Kernel<'outside'>, path: string): boolean {
  let isRefused = false
  const refused = () => {
    isRefused = true
  }
  const rmdir = (above: Fd<'outside'>, name: Name) =>
    outside.now({ name: 'unlinkat', args: [above, name, AT_REMOVEDIR], tolerate: [...BUSY, EACCES, EPERM] })
  const remove = (above: Fd<'outside'>, name: Name) => {
    let result = rmdir(above, name)
    if (result === -EACCES) {
      regainCgroup(outside, above)
      result = rmdir(above, name)
    }
    if (result === -EACCES || result === -EPERM) refused()
    return result >= 0
  }
  walkCgroups(outside, path, {
    regains: true,
    refused,
    enter: (above, name) => !remove(above, name),
    left: (above, name) => void remove(above, name),
  })
  return isRefused
}

/** The kernel's id of a cgroup. Errors: HostError when it is gone. */
export function cgroupId(outside: Kernel<'outside'>, path: string): string {
  const { stat } = outside.statx(AT_FDCWD, path)
  if (stat === undefined) throw new HostError(`cgroup \`${path}\` is gone; was it removed?`)
  return String(stat.inode)
}

/** Where a process is in the version 2 tree, below the root that we see; undefined when it is gone or hidden from us. */
export function cgroupOfProcess(outside: Kernel<'outside'>, pid: number | 'self'): string | undefined {
  try {
    return /^0::(\/.*)$/m.exec(outside.readTextIfAny(AT_FDCWD, `/proc/${pid}/cgroup`) ?? '')?.[1]
  } catch (error) {
    // Deeper than a path is long: some kernels do not tell where.
    if (isErrno(error, 'ESRCH', 'EACCES', 'EPERM', 'ENAMETOOLONG')) return undefined
    throw error
  }
}

/**
 * The paths of all cgroups that a path can reach and text can name, those below first: no other can be one that tsrun has
 * made, since it makes them by path.
 */
export function everyCgroup(outside: Kernel<'outside'>): string[] {
  const mount = cgroupMount(outside)
  if (mount === undefined) return []
  const found: string[] = []
  walkCgroups(outside, mount, { left: (_, __, path) => void (path !== undefined && found.push(path)) })
  return found
}
