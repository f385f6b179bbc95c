import { ECHILD, EINTR, EINVAL, ENOENT, ENOTTY, EPERM, ESRCH } from '../abi/errno.ts'
import { AT_FDCWD, X_OK } from '../abi/fcntl.ts'
import {
  CLONE_ARGS,
  ITIMERVAL,
  NEW_UTSNAME,
  PIDFD_INFO,
  POLLFD,
  RLIMIT,
  SIGINFO,
  TIMESPEC,
  TIMEVAL,
} from '../abi/layout/process.ts'
import { NS_GET_USERNS, PIDFD_GET_INFO, PIDFD_INFO_EXIT, PIDFD_THREAD } from '../abi/pidfd.ts'
import { CLONE_NEWTIME } from '../abi/sched.ts'
import { ITIMER_REAL } from '../abi/time.ts'
import { __WALL, CLD_EXITED, P_PIDFD, WEXITED, WNOHANG } from '../abi/wait.ts'
import { Failure } from '../failure.ts'
import { Fd } from '../fd.ts'
import { type Call, type Calls, settled } from '../kernels/machine.ts'
import { get64, getU64, Out, Struct } from '../struct.ts'
import { decode } from '../utf8.ts'
import { pidfdByMessage, type socketCalls } from './socket.ts'
import type { Dir } from './stat.ts'

/** How a child ended, as wait(2) tells it: an exit code or the number of a signal. */
export interface Exit {
  readonly pid: number
  readonly code: number | undefined
  readonly signal: number | undefined
}

/** What clone3(2) is asked for; see `struct clone_args`. */
export interface Clone {
  readonly flags: bigint
  /** A cgroup directory for CLONE_INTO_CGROUP. */
  readonly cgroup?: Fd | number | undefined
  /** Receives the child's pid (CLONE_PARENT_SETTID). */
  readonly pid?: Out | undefined
  /** Receives a pidfd (CLONE_PIDFD). */
  readonly pidfd?: Out | undefined
  readonly exitSignal: number
}

/** What pidfd_open(2) says of a number that is not that of a process. */
const GONE = [ESRCH, EINVAL, ENOENT]
/** A sigset_t of the kernel's. */
function allBut(signals: readonly number[]): bigint {
  return signals.reduce((set, signal) => set & ~(1n << BigInt(signal - 1)), 2n ** 64n - 1n)
}

/** The argument of clone3(2). */
export function cloneArgs(clone: Clone): Struct {
  const args = new Struct(CLONE_ARGS.size)
    .u64(CLONE_ARGS.flags, clone.flags)
    .u64(CLONE_ARGS.exit_signal, clone.exitSignal)
  if (clone.pidfd) args.word(CLONE_ARGS.pidfd, clone.pidfd)
  if (clone.pid) args.word(CLONE_ARGS.parent_tid, clone.pid)
  if (clone.cgroup) args.word(CLONE_ARGS.cgroup, clone.cgroup)
  return args
}

/**
 * The call that makes a process: clone3(2), or clone(2) where that is denied, see olderClone(). Docker's profile of system
 * calls denies it to who has no CAP_SYS_ADMIN, since a filter can not see its flags.
 */
export function cloneCall({ lacking }: Pick<Calls, 'lacking'>, clone: Clone, hint?: Call['hint']): Call {
  const args = lacking.has('clone3') ? olderClone(clone) : [cloneArgs(clone), CLONE_ARGS.size]
  return { name: lacking.has('clone3') ? 'clone' : 'clone3', args, hint }
}

/**
 * The arguments of clone(2): (flags, stack, parent_tid, tls and child_tid in the order of the machine). It knows none of the
 * flags from 32 bits on, CLONE_NEWTIME is a part of the signal in it, and it has one place for the pid or the pidfd: a
 * clone that asks for these has to be put in other words before.
 */
function olderClone({ flags, cgroup, pid, pidfd, exitSignal }: Clone): Call['args'] {
  const isTooMuch = flags >> 32n !== 0n || (flags & BigInt(CLONE_NEWTIME)) !== 0n || cgroup !== undefined
  if (isTooMuch || (pid !== undefined && pidfd !== undefined)) throw new Failure('clone(2) can not do that')
  return [flags | BigInt(exitSignal), 0, pid ?? pidfd ?? null, 0, 0]
}

export const processCalls = {
  /** unshare(flags), see unshare(2). */
  unshare(this: Calls, flags: number, subject: string, hint?: Call['hint']): void {
    this.later({ name: 'unshare', args: [flags], subject, hint })
  },

  /** setns(fd, type), see setns(2). */
  setns(
    this: Calls,
    fd: Fd | number,
    type: number,
    subject: string,
    tolerate?: Call['tolerate'],
    hint?: Call['hint'],
  ): { readonly value: number } {
    return this.later({ name: 'setns', args: [fd, type], subject, tolerate, hint })
  },

  /** execve(path, argv, env), see execve(2). Does not return when it works. */
  execve(
    this: Calls,
    path: string,
    argv: readonly string[],
    env: readonly string[],
    tolerate?: Call['tolerate'],
  ): void {
    this.later({ name: 'execve', args: [path, argv, env], subject: `\`${path}\``, tolerate })
  },

  /** exit_group(code), see exit_group(2). */
  exit(this: Calls, code: number): void {
    this.later({ name: 'exit_group', args: [code] })
  },

  /** wait4(pid, status, options, NULL), see wait4(2). Undefined when WNOHANG found nothing. */
  wait(this: Calls, pid: number, options: number, tolerate?: Call['tolerate']): Exit | undefined {
    const status = new Out(8)
    const result = this.now({ name: 'wait4', args: [pid, status, options, null], tolerate })
    if (result <= 0) return undefined
    const word = status.view.getInt32(0, true)
    const signal = word & 0x7f
    return signal === 0
      ? { pid: result, code: (word >> 8) & 0xff, signal: undefined }
      : { pid: result, code: undefined, signal }
  },

  /**
   * waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG | __WALL, NULL), see waitid(2). Undefined while the process runs, when it is
   * no child of ours, and when somebody has waited for it.
   */
  waitPidfd(this: Calls, pidfd: Fd): Exit | undefined {
    const info = new Out(SIGINFO.size)
    const args = [P_PIDFD, pidfd, info, WEXITED | WNOHANG | __WALL, null]
    if (this.now({ name: 'waitid', args, subject: pidfd.subject, tolerate: [ECHILD] }) < 0) return undefined
    const field = (offset: number) => info.view.getInt32(offset, true)
    const [how, pid, status] = [field(SIGINFO.si_code), field(SIGINFO.si_pid), field(SIGINFO.si_status)]
    if (pid === 0) return undefined
    return how === CLD_EXITED ? { pid, code: status, signal: undefined } : { pid, code: undefined, signal: status }
  },

  /**
   * pidfd_open(pid, 0), see pidfd_open(2). `exists` is false when there is no such process. Its number may live on, as that
   * of its session, which is EINVAL, or be that of a thread by now, which newer kernels call ENOENT. A child that
   * nobody has waited for is always there: then nothing has to be tolerated.
   */
  pidfdOpen(this: Calls & Pick<typeof socketCalls, 'socketpair'>, pid: number, tolerate: Call['tolerate'] = GONE): Fd {
    const subject = `process ${pid}`
    const older = () => {
      const result = pidfdByMessage(this, pid)
      return result >= 0 || GONE.includes(-result) ? settled(result, { subject, tolerate }) : undefined
    }
    return new Fd(this, this.later({ name: 'pidfd_open', args: [pid, 0], subject, tolerate, older }), subject)
  },

  /** pidfd_open(thread, PIDFD_THREAD); `exists` is false when there is no such thread, and before Linux 6.9. */
  pidfdOfThread(this: Calls, thread: number): Fd {
    const subject = `thread ${thread}`
    return new Fd(
      this,
      this.later({ name: 'pidfd_open', args: [thread, PIDFD_THREAD], subject, tolerate: GONE }),
      subject,
    )
  },

  /** pidfd_getfd(pidfd, number, 0): a descriptor of another process, see pidfd_getfd(2). */
  takeDescriptor(this: Calls, pidfd: Fd, number: number): Fd {
    const subject = `descriptor ${number} of ${pidfd.subject}`
    return new Fd(this, this.later({ name: 'pidfd_getfd', args: [pidfd, number, 0], subject }), subject)
  },

  /** ioctl(namespace, NS_GET_USERNS): the user namespace that owns it, unless it is one above ours; see ioctl_nsfs(2). */
  namespaceOwner(this: Calls, namespace: Fd): Fd {
    const { subject } = namespace
    const call = { name: 'ioctl', args: [namespace, NS_GET_USERNS, 0], subject, tolerate: [EPERM] } as const
    return new Fd(this, this.later(call), `owner of ${subject}`)
  },

  /**
   * ioctl(pidfd, PIDFD_GET_INFO, {PIDFD_INFO_EXIT}): how a process ended that somebody has waited for, in the form of
   * wait(2). Undefined when nobody has, and before Linux 6.15.
   */
  exitStatus(this: Calls, pidfd: Fd): number | undefined {
    const info = new Out(new Uint8Array(PIDFD_INFO.size))
    info.view.setUint32(PIDFD_INFO.mask, PIDFD_INFO_EXIT, true)
    const tolerate = [ENOTTY, EINVAL, ESRCH]
    if (this.now({ name: 'ioctl', args: [pidfd, PIDFD_GET_INFO, info], tolerate }) < 0) return undefined
    const { view } = info
    return (view.getUint32(PIDFD_INFO.mask, true) & PIDFD_INFO_EXIT) === 0
      ? undefined
      : view.getInt32(PIDFD_INFO.exit_code, true)
  },

  /**
   * ppoll(fds, n, timeout, mask): revents of each, blocking the whole process; `timeoutMs` < 0 waits for ever. Signals of
   * `ending` that have a handler end it with a Failure, whatever becomes of the handler; all others wait then.
   */
  poll(
    this: Calls,
    entries: readonly { fd: Fd | number; events: number }[],
    timeoutMs: number,
    ending: readonly number[] = [],
  ): number[] {
    const fds = new Out(new Uint8Array(POLLFD.size * entries.length))
    const asked = fds.view
    entries.forEach(({ fd, events }, i) => {
      asked.setInt32(POLLFD.size * i + POLLFD.fd, typeof fd === 'number' ? fd : fd.number, true)
      asked.setInt16(POLLFD.size * i + POLLFD.events, events, true)
    })
    const timeout = timeoutMs < 0 ? null : timespec(timeoutMs)
    // After a signal from the beginning: it may take longer, and never ends before its time.
    const mask = ending.length === 0 ? null : new Struct(8).u64(0, allBut(ending))
    const call: Call = { name: 'ppoll', args: [fds, entries.length, timeout, mask, 8], tolerate: [EINTR] }
    while (this.now(call) === -EINTR) if (mask !== null) throw new Failure('ended by a signal')
    const answered = fds.view // the call has written elsewhere
    return entries.map((_, i) => answered.getInt16(POLLFD.size * i + POLLFD.revents, true))
  },

  /** nanosleep(duration), see nanosleep(2). */
  sleep(this: Calls, milliseconds: number): void {
    this.now({ name: 'nanosleep', args: [timespec(milliseconds), null], tolerate: [EINTR] })
  },

  /** setitimer(ITIMER_REAL): SIGALRM comes after `milliseconds`, once; see setitimer(2). */
  alarm(this: Calls, milliseconds: number): void {
    const { size, it_value } = ITIMERVAL
    const timer = new Struct(size)
      .u64(it_value + TIMEVAL.tv_sec, Math.floor(milliseconds / 1000))
      .u64(it_value + TIMEVAL.tv_usec, (milliseconds % 1000) * 1000)
    this.later({ name: 'setitimer', args: [ITIMER_REAL, timer, null] })
  },

  /** clock_gettime(clock): nanoseconds. */
  clock(this: Calls, clock: number): number {
    const out = new Out(TIMESPEC.size)
    this.now({ name: 'clock_gettime', args: [clock, out] })
    return get64(out.view, TIMESPEC.tv_sec) * 1e9 + get64(out.view, TIMESPEC.tv_nsec)
  },

  /** prlimit64(pid, resource, &limit, NULL), see prlimit(2). */
  setLimit(this: Calls, pid: number, resource: number, soft: bigint, hard: bigint, subject: string): void {
    const limit = new Struct(RLIMIT.size).u64(RLIMIT.rlim_cur, soft).u64(RLIMIT.rlim_max, hard)
    const hint = { EPERM: 'raising a hard limit needs CAP_SYS_RESOURCE on the host' }
    this.later({ name: 'prlimit64', args: [pid, resource, limit, null], subject, hint })
  },

  /** prlimit64(pid, resource, NULL, &limit), see prlimit(2). */
  getLimit(this: Calls, pid: number, resource: number): { soft: bigint; hard: bigint } | undefined {
    const out = new Out(RLIMIT.size)
    if (this.now({ name: 'prlimit64', args: [pid, resource, null, out], tolerate: 'any' }) < 0) return undefined
    return { soft: getU64(out.view, RLIMIT.rlim_cur), hard: getU64(out.view, RLIMIT.rlim_max) }
  },

  /** chdir(path), see chdir(2). */
  chdir(this: Calls, path: string, tolerate?: Call['tolerate'], hint?: Call['hint']): { readonly value: number } {
    return this.later({ name: 'chdir', args: [path], subject: `\`${path}\``, tolerate, hint })
  },

  /** fchdir(fd), see chdir(2). */
  fchdir(this: Calls, fd: Dir): void {
    this.later({ name: 'fchdir', args: [fd] })
  },

  /** chroot(path), see chroot(2). */
  chroot(this: Calls, path: string): void {
    this.later({ name: 'chroot', args: [path], subject: `\`${path}\`` })
  },

  /** umask(mask), see umask(2). */
  umask(this: Calls, mask: number, tolerate?: Call['tolerate']): void {
    this.later({ name: 'umask', args: [mask], tolerate })
  },

  /** setsid(), see setsid(2). EPERM: a group leader already, which has a session of its own. */
  setsid(this: Calls): void {
    this.later({ name: 'setsid', args: [], tolerate: [EPERM] })
  },

  /** sethostname(name, length), see sethostname(2). */
  sethostname(this: Calls, name: string, length: number): void {
    this.later({ name: 'sethostname', args: [name, length], subject: `\`${name}\`` })
  },

  /** setdomainname(name, length), see setdomainname(2). */
  setdomainname(this: Calls, name: string, length: number): void {
    this.later({ name: 'setdomainname', args: [name, length], subject: `\`${name}\`` })
  },

  /** faccessat(AT_FDCWD, path, X_OK), see access(2): 0 or -errno. */
  executable(this: Calls, path: string): { readonly value: number } {
    return this.later({ name: 'faccessat', args: [AT_FDCWD, path, X_OK], tolerate: 'any' })
  },

  /** geteuid(), getegid(). */
  effectiveIds(this: Calls): { uid: number; gid: number } {
    return { uid: this.now({ name: 'geteuid', args: [] }), gid: this.now({ name: 'getegid', args: [] }) }
  },

  /** getpgid(0): our process group. */
  processGroup(this: Calls): number {
    return this.now({ name: 'getpgid', args: [0] })
  },

  /** getrandom(buffer, size, 0): `size` random bytes, see getrandom(2). */
  randomBytes(this: Calls, size: number): Uint8Array {
    const out = new Out(size)
    this.now({ name: 'getrandom', args: [out, size, 0] })
    return out.bytes
  },

  /** getpid(). */
  getpid(this: Calls): number {
    return this.now({ name: 'getpid', args: [] })
  },

  /** uname(name): the first number of the release, 7 of `7.2.13-amd64`; see uname(2). */
  kernelVersion(this: Calls): number {
    const out = new Out(NEW_UTSNAME.size)
    this.now({ name: 'uname', args: [out] })
    return Number.parseInt(decode(out.bytes.subarray(NEW_UTSNAME.release, NEW_UTSNAME.release + 3)), 10)
  },

  /** bpf(command, attributes, size), see bpf(2). A command that makes a descriptor returns its number. */
  bpf(this: Calls, command: number, attributes: Struct, subject: string, tolerate?: Call['tolerate']): number {
    return this.now({ name: 'bpf', args: [command, attributes, attributes.bytes.length], subject, tolerate })
  },
}

/** struct timespec. */
export function timespec(milliseconds: number): Struct {
  const seconds = Math.floor(milliseconds / 1000)
  return new Struct(TIMESPEC.size)
    .u64(TIMESPEC.tv_sec, seconds)
    .u64(TIMESPEC.tv_nsec, Math.round((milliseconds - seconds * 1000) * 1e6))
}
