import { CAP_SYS_ADMIN } from '../native/abi/capability.ts'
import { EPERM } from '../native/abi/errno.ts'
import { AT_FDCWD } from '../native/abi/fcntl.ts'
import { doingAll } from '../native/failure.ts'
import type { Kernel } from '../native/kernel.ts'
import type { Call } from '../native/kernels/machine.ts'
import { isErrno, KernelError } from './errors.ts'
import { ownCapabilities } from './execute/prepare.ts'

/** A system call that containers need. */
export interface NeededCall {
  readonly name: Call['name']
  /** Arguments that the kernel refuses before it does anything. */
  readonly args: Call['args']
  /** The version of Linux that brought it. */
  readonly since: string
  /** The kernel looks for CAP_SYS_ADMIN before it looks at these arguments. */
  readonly privileged?: true
}

export const NEEDED_CALLS: readonly NeededCall[] = [
  { name: 'clone3', args: [null, 0], since: '5.3' },
  { name: 'openat2', args: [AT_FDCWD, '', null, 0], since: '5.6' },
  { name: 'open_tree', args: [-1, '', 0xffff_ffff], since: '5.2' },
  { name: 'move_mount', args: [-1, '', -1, '', 0xffff_ffff], since: '5.2', privileged: true },
  { name: 'fsopen', args: [null, 0xffff_ffff], since: '5.2', privileged: true },
  { name: 'mount_setattr', args: [-1, '', 0, null, 0], since: '5.12' },
  { name: 'close_range', args: [1, 0, 0], since: '5.9' },
  { name: 'pidfd_open', args: [-1, 0], since: '5.3' },
  { name: 'pidfd_send_signal', args: [-1, 0, null, 0], since: '5.1' },
  { name: 'memfd_create', args: [null, 0xffff_ffff], since: '3.17' },
  { name: 'statx', args: [-1, '', 0xffff_ffff, 0, null], since: '4.11' },
]

/** Is this process under a filter of system calls, which it has from whoever started it? */
export function isFiltered(outside: Kernel): boolean {
  return /^Seccomp:\s*2$/m.test(outside.readTextIfAny(AT_FDCWD, '/proc/self/status') ?? '')
}

/** Does a filter say EPERM? The kernel itself would not to these arguments, unless privileges are missing. */
export function isForbidden(outside: Kernel, { name, args, privileged }: NeededCall): boolean {
  if (privileged && !ownCapabilities(outside)(CAP_SYS_ADMIN)) return false
  return outside.now({ name, args, tolerate: 'any' }) === -EPERM
}

/** The failure of a call that this host does not let through, as one that says what denies or lacks it; others as they are. */
export function explainDenied(outside: Kernel, failure: unknown): unknown {
  if (!isErrno(failure, 'ENOSYS', 'EPERM')) return failure
  const call = NEEDED_CALLS.find(({ name }) => name === failure.call)
  if (call === undefined || (failure.code === 'EPERM' && !isForbidden(outside, call))) return failure
  const hint = isFiltered(outside)
    ? `the seccomp filter that tsrun itself runs under denies it, which Linux ${call.since} and newer have; allow it there`
    : `this kernel lacks it, Linux ${call.since} and newer have it`
  const explained = doingAll(failure.phrases, () => new KernelError(failure.call, failure.errno, failure.subject, hint))
  explained.cleanup.push(...failure.cleanup)
  return explained
}
