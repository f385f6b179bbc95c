import { CAP_SYS_ADMIN } from '../../native/abi/capability.ts'
import { ENOSYS, EPERM } from '../../native/abi/errno.ts'
import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { CallName } from '../../native/arch/numbers.ts'
import { pidfdByMessage } from '../../native/calls/socket.ts'
import { doingAll } from '../../native/failure.ts'
import { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { Failure, isErrno, KernelError } from '../errors.ts'
import { ownCapabilities } from './host.ts'

/** A system call that containers need. */
export interface NeededCall {
  readonly name: CallName
  /** Arguments that the kernel refuses before it does anything. */
  readonly args: Call['args']
  /** The version of Linux that brought it. */
  readonly since: string
  /** The kernel looks for CAP_SYS_ADMIN before it looks at these arguments. */
  readonly privileged?: true
  /** What does the same where this one is denied, if there is something that keeps every promise; see docs/security.md. */
  readonly otherwise?: (outside: Kernel<'outside'>) => string | undefined
}

/** The pidfd of the process that has a number everywhere. */
function withMessages(outside: Kernel<'outside'>): string | undefined {
  using pidfd = new Fd(outside, pidfdByMessage(outside, 1), 'process 1')
  return pidfd.exists ? 'SO_PASSPIDFD' : undefined
}

/** See native/calls/signal.ts. Without privileges it reaches programs of our own user only. */
function withOwner(outside: Kernel<'outside'>): string | undefined {
  return outside.effectiveIds().uid === 0 ? 'F_SETOWN' : undefined
}

function withMounts(outside: Kernel<'outside'>): string | undefined {
  return ownCapabilities(outside)(CAP_SYS_ADMIN) ? 'a tmpfs' : undefined
}

/** See rootfs/mountByPath.ts. */
function withMountCall(): string {
  return 'mount'
}

export const NEEDED_CALLS: readonly NeededCall[] = [
  { name: 'clone3', args: [null, 0], since: '5.3', otherwise: () => 'clone and cgroup.procs' },
  { name: 'openat2', args: [AT_FDCWD, '', null, 0], since: '5.6', otherwise: () => 'openat, step by step,' },
  { name: 'open_tree', args: [-1, '', 0xffff_ffff], since: '5.2', otherwise: withMountCall },
  { name: 'move_mount', args: [-1, '', -1, '', 0xffff_ffff], since: '5.2', privileged: true, otherwise: withMountCall },
  { name: 'fsopen', args: [null, 0xffff_ffff], since: '5.2', privileged: true, otherwise: withMountCall },
  { name: 'fsconfig', args: [-1, 0xffff_ffff, null, null, 0], since: '5.2', otherwise: withMountCall },
  { name: 'fsmount', args: [-1, 0xffff_ffff, 0], since: '5.2', privileged: true, otherwise: withMountCall },
  { name: 'mount_setattr', args: [-1, '', 0, null, 0], since: '5.12', otherwise: withMountCall },
  { name: 'close_range', args: [1, 0, 0], since: '5.9', otherwise: () => 'close and fcntl' },
  { name: 'pidfd_open', args: [-1, 0], since: '5.3', otherwise: withMessages },
  { name: 'pidfd_send_signal', args: [-1, 0, null, 0], since: '5.1', otherwise: withOwner },
  { name: 'memfd_create', args: [null, 0xffff_ffff], since: '3.17', otherwise: withMounts },
  { name: 'statx', args: [-1, '', 0xffff_ffff, 0, null], since: '4.11', otherwise: () => 'newfstatat' },
]

/** Is this process under a filter of system calls, which it has from whoever started it? */
export function isFiltered(outside: Kernel<'outside'>): boolean {
  return /^Seccomp:\s*2$/m.test(outside.readTextIfAny(AT_FDCWD, '/proc/self/status') ?? '')
}

/** Does a filter say EPERM? The kernel itself would not to these arguments, unless privileges are missing. */
export function isForbidden(outside: Kernel<'outside'>, { name, args, privileged }: NeededCall): boolean {
  if (privileged && !ownCapabilities(outside)(CAP_SYS_ADMIN)) return false
  return outside.now({ name, args, tolerate: 'any' }) === -EPERM
}

/** Calls for which there is another way that begins with the birth of a process, so that this is done once more. */
const DETOURS: ReadonlySet<string> = new Set(['clone3'])
/** One of them denied, mounts are made without any. */
const MOUNT_CALLS: readonly CallName[] = ['open_tree', 'move_mount', 'fsopen', 'fsconfig', 'fsmount', 'mount_setattr']

/** Thrown for a birth that failed by a denied call, and is gone without a trace: there is another way, known from now on. */
export class Detour extends Failure {}

/** The same for a failure of what makes mounts, which it has for where there is none. */
export class MountDetour extends Failure {
  readonly failure: unknown
  constructor(call: string, failure: unknown) {
    super(`${call} is denied`)
    this.failure = failure
  }
}

/**
 * Has this failure shown that a call is denied which there is another way for? From now on that is known, see Calls.lacking;
 * undefined when it is something else that failed, or was known.
 */
export function detour(outside: Kernel<'outside'>, failure: unknown): Detour | undefined {
  const call = deniedCall(outside, failure)
  if (call === undefined || !DETOURS.has(call.name) || outside.lacking.has(call.name)) return undefined
  outside.lacking.add(call.name)
  return new Detour(`${call.name} is denied`)
}

/**
 * Has `work` done, and done once more when its failure shows that there is another way, which `other` tells. Everything of
 * the first is gone by then.
 */
export function byAnotherWay<Way, T>(
  way: Way,
  other: (failure: unknown, way: Way) => Way | undefined,
  work: (way: Way) => T,
): T {
  try {
    return work(way)
  } catch (failure) {
    const next = other(failure, way)
    if (next === undefined) throw failure
    return byAnotherWay(next, other, work)
  }
}

/** Have mounts to be made by mount(2)? */
export function lacksMountCalls({ lacking }: Pick<Kernel, 'lacking'>): boolean {
  return lacking.has('move_mount')
}

/** The same as detour() for the calls that make mounts: all that is opened on the host is opened once more, too. */
export function detourOfMounts(outside: Kernel<'outside'>, failure: unknown): MountDetour | undefined {
  if (failure instanceof MountDetour) return failure
  const call = deniedCall(outside, failure)
  if (call === undefined || !MOUNT_CALLS.includes(call.name) || lacksMountCalls(outside)) return undefined
  for (const name of MOUNT_CALLS) outside.lacking.add(name)
  return new MountDetour(call.name, failure)
}

/** The call that failed, when this host lets none of that name through. */
function deniedCall(outside: Kernel<'outside'>, failure: unknown): NeededCall | undefined {
  if (!isErrno(failure, 'ENOSYS', 'EPERM')) return undefined
  const call = NEEDED_CALLS.find(({ name }) => name === failure.call)
  return call === undefined || (failure.code === 'EPERM' && !isForbidden(outside, call)) ? undefined : call
}

/** The failure of a call that this host does not let through, as one that says what denies or lacks it; others as they are. */
export function explainDenied(outside: Kernel<'outside'>, failure: unknown): unknown {
  const call = deniedCall(outside, failure)
  if (call === undefined || !(failure instanceof KernelError)) return failure
  const hint = isFiltered(outside)
    ? `the seccomp filter that tsrun itself runs under denies it, which Linux ${call.since} and newer have; allow it there`
    : `this kernel lacks it, Linux ${call.since} and newer have it`
  const explained = doingAll(failure.phrases, () => new KernelError(failure.call, failure.errno, failure.subject, hint))
  explained.cleanup.push(...failure.cleanup)
  return explained
}

/** What a filter of system calls says instead of a call that can not fail otherwise. */
export const DENIED: readonly number[] = [ENOSYS, EPERM]
