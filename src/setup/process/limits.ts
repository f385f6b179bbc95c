import { EACCES, EBADF, EPERM } from '../../../native/abi/errno.ts'
import { AT_FDCWD, O_WRONLY } from '../../../native/abi/fcntl.ts'
import { RLIMIT_NOFILE } from '../../../native/abi/resource.ts'
import type { Executor } from '../../../native/executor/launch.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { doing } from '../../errors.ts'
import type { ProcessPlan } from '../../plan/process/process.ts'
import type { RlimitStep } from '../../plan/process/rlimits.ts'
import type { Runtime } from '../../runtime.ts'

/**
 * Limits of the first process, set from here, where raising a hard limit may be allowed. RLIMIT_NOFILE gets its soft
 * value only in the tail: until then the executor opens files.
 */
export function applyLimits({ outside }: Runtime, pid: number, plan: ProcessPlan): void {
  for (const { name, resource, soft, hard } of plan.rlimits)
    doing('process.rlimits', () => {
      if (resource !== RLIMIT_NOFILE) return outside.setLimit(pid, resource, soft, hard, name)
      const now = outside.getLimit(pid, resource)
      if (now !== undefined && hard > now.hard) outside.setLimit(pid, resource, now.soft, hard, name)
    })
}

/** RLIMIT_NOFILE of a process. */
export interface FileLimit {
  readonly soft: bigint
  readonly hard: bigint
}

/**
 * Lets this process and the executor have that many files open. Returns the limit of before, which is the program's, when
 * it has been changed. The hard one can be raised by who has CAP_SYS_RESOURCE.
 */
export function makeRoomForFiles(
  outside: Kernel<'outside'>,
  count: number,
  mayRaiseHard: boolean,
): FileLimit | undefined {
  const before = outside.getLimit(0, RLIMIT_NOFILE)
  const wanted = BigInt(count)
  if (before === undefined || before.soft >= wanted) return undefined
  const hard = mayRaiseHard && before.hard < wanted ? wanted : before.hard
  outside.setLimit(0, RLIMIT_NOFILE, hard < wanted ? hard : wanted, hard, 'our own RLIMIT_NOFILE')
  return before
}

/** When the configuration says nothing of RLIMIT_NOFILE, the program gets the caller's, not what this engine or we made of it. */
export function withCallerLimit(
  { host, outside }: Runtime,
  pid: number,
  rlimits: readonly RlimitStep[],
  before?: FileLimit,
): readonly RlimitStep[] {
  const soft = host.callerNofile ?? before?.soft
  if (soft === undefined || rlimits.some(({ resource }) => resource === RLIMIT_NOFILE)) return rlimits
  const now = outside.getLimit(pid, RLIMIT_NOFILE)
  if (now === undefined || now.soft === BigInt(soft)) return rlimits
  const hard = before?.hard ?? now.hard
  return [...rlimits, { name: 'RLIMIT_NOFILE', resource: RLIMIT_NOFILE, soft: BigInt(soft), hard }]
}

const oomHints = { EACCES: 'lowering it needs CAP_SYS_RESOURCE', EINVAL: 'it must lie between -1000 and 1000' }

/** /proc/PID/oom_score_adj, see proc_pid_oom_score_adj(5). Without privileges see adjustOwnOomScore(). */
export function adjustOomScore(
  outside: Kernel<'outside'>,
  pid: number,
  value: number | undefined,
  rootless: boolean,
): void {
  if (value === undefined || rootless) return
  doing('process.oomScoreAdj', () => {
    using fd = outside.openat(AT_FDCWD, `/proc/${pid}/oom_score_adj`, O_WRONLY)
    outside.writeText(fd, String(value), `\`${value}\``, oomHints)
  })
}

/**
 * The same without privileges, by the executor itself: it is for whom it bears. The file of a process that is not dumpable
 * is root's, so this comes before. Less than the user may have, as services of systemd's user manager are told to, is
 * passed over.
 */
export function adjustOwnOomScore({ kernel }: Executor, value: number | undefined, rootless: boolean): void {
  if (value === undefined || !rootless) return
  doing('process.oomScoreAdj', () => {
    using fd = kernel.openat(AT_FDCWD, '/proc/self/oom_score_adj', O_WRONLY, 0, [EACCES, EPERM])
    kernel.writeText(fd, String(value), `\`${value}\``, oomHints, [EACCES, EPERM, EBADF])
  })
}
