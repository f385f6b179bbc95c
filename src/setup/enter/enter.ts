import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../../native/abi/fcntl.ts'
import { CLONE_NEWCGROUP, CLONE_NEWUSER } from '../../../native/abi/sched.ts'
import { SIGKILL } from '../../../native/abi/signal.ts'
import type { Executor } from '../../../native/executor/launch.ts'
import { cloneUnderWarden } from '../../../native/executor/warden.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import type { Call } from '../../../native/kernels/machine.ts'
import type { Runtime } from '../../runtime.ts'
import { closeAllBut } from '../closeAllBut.ts'
import { becomeRoot } from '../namespaces.ts'
import { startsWithCall } from '../spawn.ts'
import type { ThreadToEnter } from './threadToEnter.ts'

/** The way into a running container. */
export interface Entrance extends Pick<ThreadToEnter, 'pidfd' | 'namespaces'> {
  /** The root directory, where the mount namespace does not say which that is. */
  readonly root: Fd<'outside'> | undefined
  /** For a privileged caller a mount of its own, see execCgroup.ts. */
  readonly cgroup: Fd<'outside'> | undefined
  /** Instead of that its cgroup.procs, for the executor to move there by itself first; see KilledAtSpawn in spawn.ts. */
  readonly processes?: Fd<'outside'> | undefined
  /** Our rights do not depend on the container's user namespace. */
  readonly privileged: boolean
}

const enterHints: Call['hint'] = {
  ESRCH: 'the container has just stopped',
  EPERM:
    'this user may not enter the namespaces of the container (CAP_SYS_ADMIN, and CAP_SYS_CHROOT for mounts), or it has not been started yet',
  EINVAL: 'this kernel lacks one of the namespace types',
}

const spawnHints: Call['hint'] = {
  ENOMEM: 'the container has just stopped, or there is no memory',
  ENODEV: 'the cgroup of the container has just been removed',
  EBUSY:
    'the cgroup has controllers enabled for its children, so it takes no processes; name one below it with --cgroup',
  EOPNOTSUPP: 'the cgroup is a threaded one, which takes no processes from outside',
  EACCES: 'the cgroup of the container is not ours to write',
  EAGAIN: 'a limit on the number of processes is reached',
  ENOENT: 'our own cgroup namespace does not reach up to the cgroup of the container',
}

/**
 * Queues the way of the executor into a container: it enters the namespaces, and a child of it is born in the cgroup and
 * goes on as the executor. What it returns gives the child's pid, and waits. `keep` are the descriptors that it keeps of
 * those from the host.
 *
 * From its birth on the child is in the container's pid namespace. Not to be dumpable keeps everybody out but who has
 * CAP_SYS_PTRACE in our own user namespace, so what it is born with leads nowhere: docs/security.md has the list.
 *
 * Who may enter a cgroup is decided on the host, so the user namespace comes after it where it gives no rights that are
 * needed before; the cgroup namespace always does.
 */
export function enterContainer(executor: Executor, entrance: Entrance, keep: readonly Fd<'inside'>[]): () => number {
  const { kernel: inside, passed } = executor
  const { namespaces, root, privileged } = entrance
  const pidfd = passed(entrance.pidfd)
  const late = namespaces & (CLONE_NEWCGROUP | (privileged ? CLONE_NEWUSER : 0))
  const enter = (flags: number) => {
    if (flags !== 0) inside.setns(pidfd, flags, 'the namespaces of the container', undefined, enterHints)
  }

  inside.notDumpable()
  if (entrance.processes !== undefined) move(executor, entrance.processes)
  enter(namespaces & ~late)
  if (root !== undefined) {
    inside.fchdir(passed(root))
    inside.chroot('.')
  }
  if (root !== undefined) inside.later({ name: 'close', args: [passed(root)] })
  const child = cloneUnderWarden(executor, 'tsrun:exec', entrance.cgroup && passed(entrance.cgroup), spawnHints)
  startsWithCall(executor, child.firstCall)
  enter(late)
  closeAllBut(executor, keep)
  if (namespaces & CLONE_NEWUSER) {
    becomeRoot(inside)
    inside.notDumpable() // a change of ids may have taken that back, see proc_sys_fs(5) about suid_dumpable
  }
  inside.setsid()
  return child.pid
}

/** The executor goes to the cgroup in which its child is to be born. */
function move({ kernel: inside, passed }: Executor, processes: Fd<'outside'>): void {
  const file = passed(processes)
  inside.writeText(file, '0', 'cgroup.procs', spawnHints)
  inside.later({ name: 'close', args: [file] })
}

/** The child is to live on without us. Also a warden that somebody has stopped goes so. */
export function dismissWarden(outside: Kernel<'outside'>, { pid }: Executor): void {
  outside.now({ name: 'kill', args: [pid, SIGKILL], tolerate: 'any' })
}

/** Ends an executor that has entered, and what it has borne: that may be frozen or stopped, so it would not go by itself. */
export function leave(outside: Kernel<'outside'>, executor: Executor): void {
  executor.control.close()
  executor.guard.close()
  if (executor.children().length > 0) dismissWarden(outside, executor)
  outside.wait(executor.pid, 0, 'any')
  for (const child of executor.children()) {
    outside.now({ name: 'kill', args: [child, SIGKILL], tolerate: 'any' })
    outside.wait(child, 0, 'any')
  }
  executor.release()
}

/**
 * Can the executor not have a procfs of its own in there? Then it brings along the host's, to which nobody in the container
 * gets: who is in a user namespace of its own has no rights over what was executed outside of it. Inside the same one, a
 * mount of procfs may be refused for what lies over the one that is there, see mount_namespaces(7).
 */
export function needsHostProcfs({ inUserNamespace }: Runtime, namespaces: number): boolean {
  return (namespaces & CLONE_NEWUSER) !== 0 || inUserNamespace
}

/** The root directory of a process, or of a thread. */
export function openRootOf(outside: Kernel<'outside'>, { directory }: Pick<ThreadToEnter, 'directory'>): Fd<'outside'> {
  return outside.openat(AT_FDCWD, `${directory}/root`, O_PATH | O_DIRECTORY)
}
