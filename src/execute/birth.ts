import { AT_REMOVEDIR, O_DIRECTORY, O_PATH, O_WRONLY } from '../../native/abi/fcntl.ts'
import { PR_SET_NAME } from '../../native/abi/prctl.ts'
import { CLONE_INTO_CGROUP, CLONE_PARENT, CLONE_PARENT_SETTID, CLONE_PIDFD } from '../../native/abi/sched.ts'
import { SIGKILL } from '../../native/abi/signal.ts'
import { CLONE_ARGS, cloneArgs, timespec } from '../../native/calls/process.ts'
import type { Executor } from '../../native/executor/launch.ts'
import type { Fd } from '../../native/fd.ts'
import type { Operation } from '../../native/kernels/executor.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { Out } from '../../native/struct.ts'
import { isErrno, StateError } from '../errors.ts'
import type { Join } from '../plan/namespaces.ts'
import { FILES } from '../state/record.ts'

/** A cgroup can be removed some milliseconds after its last process died; the keeper tries for a second. */
const REMOVE_TRIES = 50
const REMOVE_PAUSE_MS = 20

/** What the keeper makes, guards, and takes back when the planner dies or gives up. */
export interface Estate {
  /** The directory of all containers, and the container's name in it. */
  readonly root: Fd
  readonly id: string
  /** The container's cgroup: the directory that holds it, and its name there. `exists`: somebody else made it. */
  readonly cgroup: { readonly parent: Fd; readonly name: string; readonly exists: boolean } | undefined
}

/** Namespaces that the keeper enters first, for its child to be born in. */
export type OpenJoin = Join & { readonly fd: Fd }

/** What errnos of clone3 and unshare mean here. */
export const namespaceHints: Call['hint'] = {
  EPERM: 'new namespaces need privileges; an unprivileged user needs a user namespace with id mappings',
  EBUSY: 'the cgroup has controllers enabled for its children, so it takes no processes',
  ENOSPC: 'a limit in /proc/sys/user is reached',
  EINVAL: 'this kernel lacks one of the namespace types',
}

/**
 * Makes the container's directory, cgroup and first process in one batch of the outer executor, which is the keeper of
 * all three from then on: it waits on its guard socket, and end of file there (the planner was killed, or gave up) makes
 * it kill the process and remove cgroup and directory. There is no moment at which one of them exists unguarded. The
 * control socket belongs to the child from then on. Returns the child's pid.
 */
export function giveBirth(executor: Executor, estate: Estate, joins: readonly OpenJoin[], namespaces: bigint): number {
  const { calls, kernel: keeper } = executor
  const gift = (fd: Fd) => executor.gifts.get(fd)!
  keeper.setsid() // Ctrl-C in a terminal must not end the keeper together with the planner
  keeper.umask(0)
  const directory = calls.later({ name: 'mkdirat', args: [gift(estate.root), estate.id, 0o700], subject: estate.id })
  const { parent, name, exists } = estate.cgroup ?? {}
  const makeCgroup =
    parent &&
    !exists &&
    calls.later({ name: 'mkdirat', args: [gift(parent), name!, 0o755], subject: `cgroup \`${name}\`` })
  const cgroup = parent && keeper.openat(gift(parent), name!, O_PATH | O_DIRECTORY).take()
  for (const join of joins) joinNamespace(executor, join)

  const pid = new Out(8)
  const pidfd = new Out(8)
  const flags =
    namespaces | BigInt(CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_PIDFD) | (cgroup ? CLONE_INTO_CGROUP : 0n)
  const args = cloneArgs({ flags, cgroup, pid, pidfd, exitSignal: 0 })
  const clone = calls.later({ name: 'clone3', args: [args, CLONE_ARGS], hint: namespaceHints })
  const cleanup = recordCleanup(executor, estate, pidfd)
  const cleanupWithoutCgroup = recordCleanup(executor, { ...estate, cgroup: undefined }, pidfd)
  clone.branches.positive = recordGuard(executor, cleanup)
  clone.branches.zero = recordChild(executor)
  calls.keep()
  executor.bears(pid)
  try {
    calls.flush(operation => {
      // A directory that was there before belongs to somebody else: then there is nothing to clean up.
      if (operation.offset <= directory.offset) return 0
      return operation === makeCgroup ? cleanupWithoutCgroup : cleanup
    })
  } catch (error) {
    if (isErrno(error, 'EEXIST') && error.subject === estate.id) throw new StateError(idTaken(estate.id))
    throw error
  }
  return pid.view.getInt32(0, true)
}

/** setns(2) into one of the namespaces that config.json names by path. */
export function joinNamespace({ kernel, gifts }: Executor, { fd, flag, type, path }: OpenJoin): void {
  kernel.setns(gifts.get(fd)!, flag, `\`${path}\``, undefined, {
    EINVAL: `is it a ${type} namespace, and not our own?`,
    EPERM: 'the user namespace that owns it gives us no rights',
  })
}

export function idTaken(id: string): string {
  return `container \`${id}\` already exists; choose another id or delete it first`
}

/** The child goes on as the executor; `ps` shows what it is. */
function recordChild({ calls, kernel, guardNumber }: Executor): number {
  const child = calls.record(() => {
    kernel.later({ name: 'close', args: [guardNumber] })
    kernel.later({ name: 'prctl', args: [PR_SET_NAME, 'tsrun:init', 0, 0, 0] })
  })
  calls.link(child, 0, () => 0)
  return child[0]!.address
}

/** The keeper waits for the word that all is well. */
function recordGuard({ calls, kernel, controlNumber, guardNumber }: Executor, cleanup: number): number {
  const guard = calls.record(() => {
    kernel.later({ name: 'close', args: [controlNumber] })
    kernel.later({ name: 'read', args: [guardNumber, new Out(8), 8], expect: 'positive' })
    kernel.exit(0)
  })
  calls.link(guard, 0, () => cleanup)
  return guard[0]!.address
}

/** Kill, then remove, newest first; what is gone already does not matter. Exit code 1: the cgroup did not go away. */
function recordCleanup({ calls, kernel, gifts }: Executor, estate: Estate, pidfd: Out): number {
  const root = gifts.get(estate.root)!
  const parent = estate.cgroup && gifts.get(estate.cgroup.parent)!
  const remove = (directory: number, path: string, flags: number) =>
    calls.later({ name: 'unlinkat', args: [directory, path, flags], tolerate: 'any' })
  const exit = calls.record(() => kernel.exit(0))
  const tries: Operation[] = []
  const chain = calls.record(() => {
    if (estate.cgroup) {
      const kill = kernel.openat(parent!, `${estate.cgroup.name}/cgroup.kill`, O_WRONLY, 0, 'any').take()
      calls.later({ name: 'write', args: [kill, '1', 1], tolerate: 'any' })
    }
    const child = calls.later({ name: 'load', args: [pidfd.address], tolerate: 'any' })
    calls.later({ name: 'pidfd_send_signal', args: [child, SIGKILL, null, 0], tolerate: 'any' })
    for (const file of FILES) remove(root, `${estate.id}/${file}`, 0)
    remove(root, estate.id, AT_REMOVEDIR)
    if (estate.cgroup && !estate.cgroup.exists)
      for (let i = 0; i < REMOVE_TRIES; i++) {
        tries.push(remove(parent!, estate.cgroup.name, AT_REMOVEDIR))
        calls.later({ name: 'nanosleep', args: [timespec(REMOVE_PAUSE_MS), null], tolerate: 'any' })
      }
    kernel.exit(estate.cgroup && !estate.cgroup.exists ? 1 : 0)
  })
  calls.link(exit, 0, () => 0)
  for (const attempt of tries) attempt.branches.zero = exit[0]!.address
  calls.link(chain, exit[0]!.address, () => exit[0]!.address)
  return chain[0]!.address
}

/** All is well: what exists now is the container's, and the keeper goes. */
export function dismissKeeper(executor: Executor, outside: { writeAll(fd: Fd, data: Uint8Array): void }): void {
  outside.writeAll(executor.guard, new Uint8Array([1]))
  executor.guard.close()
}
