import { AT_FDCWD, AT_REMOVEDIR, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY, O_WRONLY } from '../../native/abi/fcntl.ts'
import { FUTEX_WAIT } from '../../native/abi/futex.ts'
import { PR_SET_NAME } from '../../native/abi/prctl.ts'
import { CLONE_INTO_CGROUP, CLONE_PARENT, CLONE_PARENT_SETTID } from '../../native/abi/sched.ts'
import { SIGKILL } from '../../native/abi/signal.ts'
import { timespec } from '../../native/calls/process.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { cloneAndHold } from '../../native/executor/warden.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import type { Operation } from '../../native/kernels/operation.ts'
import { Out } from '../../native/struct.ts'
import { encode } from '../../native/utf8.ts'
import type { NewCgroup } from '../cgroup/cgroup.ts'
import { markCgroup } from '../cgroup/mark.ts'
import { Failure, HostError, isErrno, StateError } from '../errors.ts'
import { DENIED } from '../host/denied.ts'
import type { OpenJoin } from '../rootfs/joinedFilesystems.ts'
import { FILES, INIT_NAME } from '../state/record.ts'
import { processStat } from '../state/status.ts'

/** How long the keeper tries to remove the cgroup, and the pause between two tries. */
const PATIENCE_MS = 1000
const REMOVE_PAUSE_MS = 5
/** How long systemd may take to put a process into its scope. */
const SCOPE_ENTRY_MS = 3000
/** <linux/limits.h> */
const PATH_MAX = 4096

/** What the keeper makes, guards, and takes back when the planner dies or gives up. */
export interface OwnedPaths {
  /** The directory of all containers, and the container's name in it. */
  readonly root: Fd<'outside'>
  readonly id: string
  /** The container's cgroup. */
  readonly cgroup: NewCgroup | undefined
  /**
   * Has somebody else, systemd, make a cgroup for the process that was just born; returns its directory, where the keeper
   * is to kill everything. Such a cgroup goes by itself when it is empty.
   */
  readonly enterScope?: ((pid: number) => string) | undefined
  /** Directories of its own in resctrl, below `root`, outermost first. */
  readonly resctrl?: { readonly root: Fd<'outside'>; readonly directories: readonly string[] } | undefined
}

/**
 * The kernel has killed a child before its first call. Linux 6.14 and the stable releases since February 2025 (commit
 * b69bb476dee9) do so with everything that is born by CLONE_INTO_CGROUP once somebody has written to cgroup.kill of the
 * cgroup it is born into or of the one it is born from, and ever after: they take the cgroups' counts of that, which have to
 * be equal, for those of one cgroup. Nothing has happened in the container then, and it is tried once more without: the child
 * is born where its parent is, and moves.
 */
export class KilledAtSpawn extends Failure {}

/** The child could not move to the container's cgroup. */
export class NotMoved extends HostError {}

/** What failures to make the cgroup of that name are about. */
export function cgroupSubject(name: string): string {
  return `cgroup \`${name}\``
}

const FIRST_CALL = 'first call of the child'
const MOVE = 'move of the child'

/** Remembers the first call that a child makes. */
export function startsWithCall(executor: Executor, first: Operation): void {
  executor.makes(FIRST_CALL, first)
}

/** Was the only child so far killed before that? */
export function isKilledAtSpawn(outside: Kernel<'outside'>, executor: Executor): boolean {
  const [child, ...others] = executor.children()
  if (child === undefined || others.length > 0 || executor.made(FIRST_CALL) !== 'unknown') return false
  return 'ZXx'.includes(processStat(outside, child)?.state ?? 'X')
}

/** What errnos of clone3 and unshare mean here. */
export const namespaceHints: Call['hint'] = {
  EPERM: 'new namespaces need privileges (CAP_SYS_ADMIN); an unprivileged user needs a user namespace with id mappings',
  EBUSY: 'the cgroup has controllers enabled for its children, so it takes no processes',
  EACCES:
    'the cgroup is not in what is delegated to the cgroup of this user; start tsrun with `systemd-run --user --scope`',
  EOPNOTSUPP: 'the cgroup is threaded or below a threaded one, so it takes no processes',
  ENOSPC: 'a limit in /proc/sys/user is reached',
  EAGAIN: 'a limit on processes is reached, of this user (RLIMIT_NPROC) or of a cgroup (pids.max)',
  EINVAL: 'this kernel lacks one of the namespace types',
}

/**
 * Makes the container's directory, cgroup and first process in one batch of the outer executor, which is the keeper of
 * all three from then on: it waits on its guard socket, and end of file there (the planner was killed, or gave up) makes
 * it kill the process and remove cgroup and directory. There is no moment at which one of them exists unguarded. The
 * control socket belongs to the child from then on. It does not wait; what it returns gives the child's pid, and waits.
 */
export function spawnFirstProcess(
  executor: Executor,
  owned: OwnedPaths,
  joins: readonly OpenJoin[],
  namespaces: bigint,
): () => number {
  const { calls, kernel: keeper, passed } = executor
  keeper.setsid() // Ctrl-C in a terminal must not end the keeper together with the planner
  keeper.umask(0, DENIED)
  const directory = calls.later({ name: 'mkdirat', args: [passed(owned.root), owned.id, 0o700], subject: owned.id })
  const home = keeper.openat(passed(owned.root), owned.id, O_PATH | O_DIRECTORY).take()
  const groups = makeGroups(executor, owned)
  const { parent, name, exists, mark } = owned.cgroup ?? {}
  const moves = owned.cgroup?.moves || keeper.lacking.has('clone3')
  const makeCgroup =
    parent &&
    !exists &&
    calls.later({ name: 'mkdirat', args: [passed(parent), name!, 0o755], subject: cgroupSubject(name!) })
  const cgroup = parent && keeper.openat(passed(parent), name!, O_RDONLY | O_DIRECTORY).take()
  if (owned.cgroup?.threaded) keeper.writeControl(cgroup!, 'cgroup.type', 'threaded')
  if (makeCgroup && mark !== undefined) markCgroup(keeper, cgroup!, mark)
  executor.makes('directory', directory)
  if (groups[0]) executor.makes('resctrl', groups[0]) // the others are below it
  if (makeCgroup) executor.makes('cgroup', makeCgroup)
  const processes = cgroup && moves ? keeper.openat(cgroup, 'cgroup.procs', O_WRONLY).take() : undefined
  for (const join of joins) joinNamespace(executor, join)

  const pid = new Out(8)
  const into = moves ? undefined : cgroup
  const flags = namespaces | BigInt(CLONE_PARENT | CLONE_PARENT_SETTID) | (into ? CLONE_INTO_CGROUP : 0n)
  const { clone, hold, pidfd } = cloneAndHold(executor, { flags, cgroup: into, pid, exitSignal: 0 }, namespaceHints)
  const scopeEntry = new ScopeEntry()
  const property = { home, cgroup, pidfd }
  const cleanup = recordCleanup(executor, owned, property, scopeEntry)
  const directoryCleanup = recordDirectoryCleanup(executor, owned)
  const unopenedCleanup = makeCgroup && recordDirectoryCleanup(executor, owned, { cgroup: true })
  const groupCleanups = groups.map((_, made) => recordDirectoryCleanup(executor, owned, { groups: made }))
  clone.branch({ positive: recordGuard(executor, hold, cleanup), zero: recordChild(executor, processes) })
  calls.keep()
  executor.spawns(pid)
  calls.begin(operation => {
    // A directory that was there before belongs to somebody else: then there is nothing to clean up.
    if (operation.offset <= directory.offset) return 0
    if (operation === makeCgroup) return directoryCleanup
    if (unopenedCleanup && operation === cgroup?.result) return unopenedCleanup
    return groupCleanups[groups.indexOf(operation)] ?? cleanup
  })
  const born = () => {
    if (clone.known === undefined) calls.answer(clone)
    if (processes !== undefined && executor.made(MOVE) === 'no')
      throw new NotMoved(`the first process can not be moved to the container's cgroup \`${name}\``)
    return pid.view.getInt32(0, true)
  }
  if (owned.enterScope) giveAway(executor, scopeEntry, born(), owned.enterScope)
  return born
}

/** What the keeper and the child have to know when the child gets its cgroup from somebody else; lies in the arena. */
class ScopeEntry {
  /** The path of that cgroup's cgroup.kill. There is no such file as long as this is empty. */
  readonly killFile = new Out(PATH_MAX)
  /** A word that becomes 1 when the child is where it is to be, or will never be. */
  readonly settled = new Out(8)
}

/** Has the child put into its cgroup, while the child waits for that and for nothing else. */
function giveAway(executor: Executor, scopeEntry: ScopeEntry, pid: number, enterScope: (pid: number) => string): void {
  const { calls } = executor
  awaitSettled(executor, scopeEntry)
  calls.begin()
  try {
    calls.rewrite(scopeEntry.killFile, encode(`${enterScope(pid)}/cgroup.kill`))
  } finally {
    calls.wake(scopeEntry.settled)
  }
}

/**
 * Waits until it is settled where the child is to be. As long as systemd is at it the child must live, whatever has become
 * of the planner: systemd would make a scope for a process that is dead already, and a scope that never had a live one
 * never ends.
 */
function awaitSettled({ calls }: Executor, { settled }: ScopeEntry): void {
  const word = settled.address === 0 ? settled : settled.address
  const args = [word, FUTEX_WAIT, 0, timespec(SCOPE_ENTRY_MS), null, 0]
  calls.later({ name: 'futex', args, tolerate: 'any' })
}

/** Its groups in resctrl; one that is there belongs to somebody else. */
function makeGroups({ calls, passed }: Executor, { resctrl }: OwnedPaths): Operation[] {
  const hint = { EEXIST: 'remove it or choose another container id' }
  return (resctrl?.directories ?? []).map(name => {
    const args = [passed(resctrl!.root), name, 0o755]
    return calls.later({ name: 'mkdirat', args, subject: `resctrl group \`${name}\``, hint })
  })
}

/** Takes back the first `count` of them, innermost first. */
function removeGroups({ calls, passed }: Executor, { resctrl }: OwnedPaths, count?: number): void {
  for (const name of (resctrl?.directories ?? []).slice(0, count).reverse())
    calls.later({ name: 'unlinkat', args: [passed(resctrl!.root), name, AT_REMOVEDIR], tolerate: 'any' })
}

/** setns(2) into one of the namespaces that config.json names by path. */
export function joinNamespace({ kernel, passed }: Executor, { fd, flag, type, path }: OpenJoin): void {
  kernel.setns(passed(fd), flag, `\`${path}\``, undefined, {
    EINVAL: `is it a ${type} namespace, and not our own?`,
    EPERM: 'the user namespace that owns it gives us no rights',
  })
}

export function idTaken(id: string): StateError {
  return new StateError(`container \`${id}\` already exists; choose another id or delete it first`)
}

/** Is this the keeper's failure to make the container's directory, since there is one? */
export function isTaken(error: unknown, id: string): boolean {
  return isErrno(error, 'EEXIST') && error.subject === id
}

/** The child goes on as the executor, in its cgroup; `ps` shows what it is. */
function recordChild(executor: Executor, processes: Fd<'inside'> | undefined): number {
  const { calls, kernel, guardNumber } = executor
  const child = calls.record(() => {
    if (processes !== undefined) {
      executor.makes(MOVE, calls.later({ name: 'write', args: [processes, '0', 1] }))
      calls.later({ name: 'close', args: [processes], tolerate: 'any' })
    }
    kernel.later({ name: 'close', args: [guardNumber] })
    kernel.later({ name: 'prctl', args: [PR_SET_NAME, INIT_NAME, 0, 0, 0] })
  })
  calls.link(child, 0)
  startsWithCall(executor, child[0]!)
  return child[0]!.address
}

/** The keeper waits for the word that all is well. */
function recordGuard(
  { calls, kernel, controlNumber, guardNumber }: Executor,
  hold: readonly Operation[],
  cleanup: number,
): number {
  const guard = calls.record(() => {
    kernel.later({ name: 'close', args: [controlNumber] })
    kernel.later({ name: 'read', args: [guardNumber, new Out(8), 8], expect: 'positive' })
    kernel.exit(0)
  })
  const chain = [...hold, ...guard]
  calls.link(chain, 0, cleanup)
  return chain[0]!.address
}

/** What the keeper has made, as it has it itself: by now the names may be those of somebody else's. */
interface KeeperHandles {
  /** The container's directory. */
  readonly home: Fd<'inside'>
  readonly cgroup: Fd<'inside'> | undefined
  /** Where in the arena there is the pidfd of the child. */
  readonly pidfd: number
}

/**
 * Kill, then remove, newest first; what is gone already does not matter. SIGALRM ends the keeper when the cgroup does not
 * go away: it can be removed only some milliseconds after its last process died. A forced delete may have been faster, and
 * another create with the id may be at work: nothing of that one is killed, and none of its files is removed.
 */
function recordCleanup(
  executor: Executor,
  owned: OwnedPaths,
  { home, cgroup: made, pidfd }: KeeperHandles,
  scopeEntry: ScopeEntry,
): number {
  const { calls, kernel, passed } = executor
  const { root, id, cgroup, enterScope } = owned
  const containers = passed(root)
  const parent = cgroup && passed(cgroup.parent)
  const remove = (directory: number | Fd<'inside'>, path: string, flags: number) =>
    calls.later({ name: 'unlinkat', args: [directory, path, flags], tolerate: 'any' })
  const end = calls.record(() => kernel.exit(0))
  const chain = calls.record(() => {
    if (made) {
      const kill = kernel.openat(made, 'cgroup.kill', O_WRONLY, 0, 'any').take()
      calls.later({ name: 'write', args: [kill, '1', 1], tolerate: 'any' })
    }
    const kill = () => {
      const child = calls.later({ name: 'load', args: [pidfd], tolerate: 'any' })
      calls.later({ name: 'pidfd_send_signal', args: [child, SIGKILL, null, 0], tolerate: 'any' })
    }
    if (!enterScope) kill()
    for (const file of FILES) remove(home, file, 0)
    remove(containers, id, AT_REMOVEDIR)
    removeGroups(executor, owned)
    // Last, since it may take a while, and by then somebody else may have taken the name.
    if (enterScope) {
      killInScope(executor, scopeEntry)
      kill()
    }
    if (!cgroup || cgroup.exists) return
    kernel.alarm(PATIENCE_MS)
    // Nothing can be opened in a cgroup that is gone: then what has the name is another one.
    const args = [made!, 'cgroup.procs', O_PATH | O_CLOEXEC, 0]
    const look = calls.later({ name: 'openat', args, tolerate: 'any' })
    calls.later({ name: 'close', args: [look], tolerate: 'any' })
    const attempt = remove(parent!, cgroup.name, AT_REMOVEDIR)
    const pause = calls.later({ name: 'nanosleep', args: [timespec(REMOVE_PAUSE_MS), null], tolerate: 'any' })
    look.branch({ negative: end[0]!.address })
    attempt.branch({ zero: end[0]!.address })
    pause.branch({ zero: look.address, negative: look.address })
  })
  calls.link(end, 0)
  calls.link(chain, end[0]!.address, end[0]!.address)
  return chain[0]!.address
}

/** SIGKILL to all in the cgroup that somebody else has made, once it is there. */
function killInScope(executor: Executor, scopeEntry: ScopeEntry): void {
  const { calls } = executor
  awaitSettled(executor, scopeEntry)
  const args = [AT_FDCWD, scopeEntry.killFile, O_WRONLY, 0]
  const kill = calls.later({ name: 'openat', args, tolerate: 'any' })
  calls.later({ name: 'write', args: [kill, '1', 1], tolerate: 'any' })
}

/** All that there is before the cgroup, with the first `groups` of those in resctrl; `cgroup`: that one too, just made. */
function recordDirectoryCleanup(
  executor: Executor,
  owned: OwnedPaths,
  made: { readonly groups?: number; readonly cgroup?: true } = {},
): number {
  const { calls, kernel, passed } = executor
  const { root, id, cgroup } = owned
  const remove = (directory: Fd<'outside'>, name: string) =>
    calls.later({ name: 'unlinkat', args: [passed(directory), name, AT_REMOVEDIR], tolerate: 'any' })
  const chain = calls.record(() => {
    if (made.cgroup) remove(cgroup!.parent, cgroup!.name)
    remove(root, id)
    removeGroups(executor, owned, made.groups)
    kernel.exit(0)
  })
  calls.link(chain, 0)
  return chain[0]!.address
}

/** All is well: what exists now is the container's, and the keeper goes. */
export function dismissKeeper(
  executor: Executor,
  outside: { writeAll(fd: Fd<'outside'>, data: Uint8Array): void },
): void {
  outside.writeAll(executor.guard, new Uint8Array([1]))
  executor.guard.close()
}
