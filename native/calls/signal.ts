import { ENOSYS, EPERM, ESRCH } from '../abi/errno.ts'
import { AT_FDCWD, F_SETFL, F_SETOWN, F_SETSIG, O_ASYNC } from '../abi/fcntl.ts'
import { SIGKILL, SIGSTOP } from '../abi/signal.ts'
import type { Fd } from '../fd.ts'
import { type Call, type Calls, settled } from '../kernels/machine.ts'
import type { fileCalls, wholeFileCalls } from './file.ts'

type SignalBase = Calls & typeof fileCalls & typeof wholeFileCalls

/** The first process of a pid namespace takes these from the kernel and from kill(2) of the outside only. */
const FORCED = [SIGKILL, SIGSTOP]

export const signalCalls = {
  /** pidfd_send_signal(fd, signal, NULL, 0), see pidfd_send_signal(2). False when the process is gone. */
  signal(this: SignalBase, pidfd: Fd, signal: number): boolean {
    const about = { subject: pidfd.subject, tolerate: [ESRCH] }
    const hint = { EPERM: 'to a process of another user it takes CAP_KILL' }
    const older = () => {
      const result = isSignalDenied(this) ? signalOfOwner(this, pidfd, signal) : -EPERM
      return result === -EPERM ? undefined : settled(result, about)
    }
    return this.now({ name: 'pidfd_send_signal', args: [pidfd, signal, null, 0], ...about, hint, older }) >= 0
  },
}

/** Is pidfd_send_signal(2) denied or missing, whatever the signal and the process? */
export function isSignalDenied(calls: Pick<Calls, 'now'>): boolean {
  const result = calls.now({ name: 'pidfd_send_signal', args: [-1, 0, null, 0], tolerate: 'any' })
  return result === -EPERM || result === -ENOSYS
}

/**
 * A signal by the descriptor of a pipe: to the process that owns it, when something can be read, see F_SETOWN and F_SETSIG in
 * fcntl(2). The kernel remembers the process then, not its number, so that it can not become another one; whether the
 * number was still that of the pidfd is looked at afterwards. -ESRCH when it is gone, -EPERM when such a signal would not
 * arrive, which nobody is told.
 */
function signalOfOwner(calls: SignalBase, pidfd: Fd, signal: number): number {
  const pid = numberOf(calls, pidfd)
  if (pid <= 0) return -ESRCH
  if (!mayBeOwned(calls, pid) || (FORCED.includes(signal) && isFirst(calls, pid))) return -EPERM
  if (signal === 0) return 0
  const [from, to] = calls.pipe()
  using _ = from
  using __ = to
  const set = (command: number, value: number) => calls.now(fcntl(from, command, value)) >= 0
  if (!set(F_SETOWN, pid) || numberOf(calls, pidfd) !== pid) return -ESRCH
  set(F_SETSIG, signal)
  set(F_SETFL, O_ASYNC)
  calls.writeText(to, '.')
  return 0
}

function fcntl(fd: Fd, command: number, value: number): Call {
  return { name: 'fcntl', args: [fd, command, value], tolerate: [ESRCH] }
}

/** The number of a process by its pidfd, -1 when somebody has waited for it; see proc_pid_fdinfo(5). */
function numberOf(calls: SignalBase, pidfd: Fd): number {
  const info = calls.readTextIfAny(AT_FDCWD, `/proc/self/fdinfo/${pidfd.number}`) ?? ''
  return Number(/^Pid:\s*(-?\d+)$/m.exec(info)?.[1] ?? -1)
}

/** Does the kernel let such a signal through? CAP_KILL does not count for it; root is that of the host's user namespace. */
function mayBeOwned(calls: SignalBase, pid: number): boolean {
  const own = userIds(calls, 'self')
  const its = userIds(calls, pid)
  if (own === undefined || its === undefined) return false
  const isRoot = own.effective === 0 && hasAllIds(calls)
  return isRoot || [own.real, own.effective].some(id => id === its.real || id === its.saved)
}

/** Has it the number 1 in its pid namespace? */
function isFirst(calls: SignalBase, pid: number): boolean {
  return /^NSpid:.*\t1$/m.test(calls.readTextIfAny(AT_FDCWD, `/proc/${pid}/status`) ?? '')
}

function hasAllIds(calls: SignalBase): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(calls.readTextIfAny(AT_FDCWD, '/proc/self/uid_map') ?? '')
}

function userIds(calls: SignalBase, pid: number | 'self') {
  const status = calls.readTextIfAny(AT_FDCWD, `/proc/${pid}/status`) ?? ''
  const found = /^Uid:\t(\d+)\t(\d+)\t(\d+)\t/m.exec(status)
  if (found === null) return undefined
  const [real, effective, saved] = found.slice(1).map(Number)
  return { real, effective, saved }
}
