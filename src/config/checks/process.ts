// Checks of `process` (config.md, Process). They take it alone, so that `exec --process` can use them.

import type { Process, Scheduler } from '../../../spec/generated/config.ts'
import { ConfigError } from '../../errors.ts'
import { NO_ID } from '../../plan/namespaces/idMappings.ts'
import { type Check, type Complaint, firstOf, outside, relative } from './namespacesOf.ts'

type ProcessCheck = (process: Process) => Complaint | undefined

const OF_PROCESS: readonly ProcessCheck[] = [
  somethingToRun,
  consoleSizeFits,
  cwdIsAbsolute,
  envIsNamed,
  idsAreIds,
  rlimitsAreOrdered,
  oomScoreIsInRange,
  schedulerFits,
  ioPriorityIsInRange,
]

/** The same checks on a config; pointers begin with `/process`. */
export const PROCESS_CHECKS: readonly Check[] = OF_PROCESS.map(check => ({ process }) => {
  const complaint = process && check(process)
  return complaint && { ...complaint, pointer: `/process${complaint.pointer}` }
})

/** Throws a ConfigError about the first thing that makes no sense in the content of a process.json. */
export function checkProcess(process: Process): void {
  for (const check of OF_PROCESS) {
    const complaint = check(process)
    if (complaint !== undefined) throw new ConfigError(complaint.reason, complaint.pointer)
  }
}

function somethingToRun({ args }: Process): Complaint | undefined {
  if (args === undefined || args.length === 0) return { pointer: '/args', reason: 'must name a program to run' }
  // Engines choose 127 by these words, see docs/words.md; podman's own tests want them as crun has them.
  return args[0] === ''
    ? { pointer: '/args/0', reason: 'executable file `` not found in $PATH: No such file or directory' }
    : undefined
}

/** `struct winsize` has 16 bits for each, see ioctl_tty(2). Without a terminal the size says nothing. */
function consoleSizeFits({ terminal, consoleSize }: Process): Complaint | undefined {
  if (!terminal) return undefined
  return (
    outside(consoleSize?.height, 0, 0xffff, '/consoleSize/height') ??
    outside(consoleSize?.width, 0, 0xffff, '/consoleSize/width')
  )
}

function cwdIsAbsolute({ cwd }: Process): Complaint | undefined {
  return relative(cwd, '/cwd')
}

/** The entry is not quoted: what has no name may be a value, and a secret. */
function envIsNamed({ env }: Process): Complaint | undefined {
  return firstOf(env, '/env', entry =>
    entry.indexOf('=') > 0 ? undefined : { pointer: '', reason: 'must be NAME=value' },
  )
}

/** For setresuid(2) and its kin -1 means "leave it as it is": the program would keep running as root. */
function idsAreIds({ user }: Process): Complaint | undefined {
  const look = (id: number | undefined, pointer = '') =>
    id === NO_ID ? { pointer, reason: `${NO_ID} is not an id, it stands for "no change"` } : undefined
  return (
    look(user?.uid, '/user/uid') ??
    look(user?.gid, '/user/gid') ??
    firstOf(user?.additionalGids, '/user/additionalGids', id => look(id))
  )
}

function rlimitsAreOrdered({ rlimits }: Process): Complaint | undefined {
  return firstOf(rlimits, '/rlimits', ({ type, soft, hard }) =>
    soft <= hard
      ? undefined
      : { pointer: '', reason: `the soft limit of ${type} is above the hard one, ${soft} > ${hard}` },
  )
}

/** oom_score_adj takes no other values, see proc_pid_oom_score_adj(5). */
function oomScoreIsInRange({ oomScoreAdj }: Process): Complaint | undefined {
  return outside(oomScoreAdj, -1000, 1000, '/oomScoreAdj')
}

/** Which parameter goes with which policy, see sched(7). */
function schedulerFits({ scheduler }: Process): Complaint | undefined {
  if (scheduler === undefined) return undefined
  const { policy, nice, priority = 0 } = scheduler
  const realtime = policy === 'SCHED_FIFO' || policy === 'SCHED_RR'
  if (!realtime && priority !== 0)
    return { pointer: '/scheduler/priority', reason: `must be 0 for ${policy}, is ${priority}` }
  for (const key of ['runtime', 'deadline', 'period'] as const)
    if (scheduler[key] && policy !== 'SCHED_DEADLINE')
      return { pointer: `/scheduler/${key}`, reason: `is for SCHED_DEADLINE only, not for ${policy}` }
  return (
    (realtime ? outside(priority, 1, 99, '/scheduler/priority') : undefined) ??
    outside(nice, -20, 19, '/scheduler/nice') ??
    deadlineFits(scheduler)
  )
}

/** The shortest runtime that SCHED_DEADLINE counts with, and the longest time of it: __checkparam_dl() of the kernel. */
const SHORTEST = 1024
const LONGEST = 2n ** 63n - 1n

/** What sched_setattr(2) says about three numbers with one EINVAL. What fits a machine's sysctls only the kernel knows. */
function deadlineFits({ policy, runtime, deadline, period }: Scheduler): Complaint | undefined {
  if (policy !== 'SCHED_DEADLINE') return undefined
  const about = (key: string, wrong: string) => ({
    pointer: `/scheduler/${key}`,
    reason: `sched_setattr: \`SCHED_DEADLINE\` ${wrong}`,
  })
  if (runtime === undefined) return about('runtime', 'requires `runtime`')
  if (deadline === undefined) return about('deadline', 'requires `deadline`')
  if (Number(runtime) === 0) return about('runtime', 'runtime must be greater than 0')
  if (runtime < SHORTEST || runtime > LONGEST)
    return about('runtime', `runtime ${runtime} must be between ${SHORTEST} and ${LONGEST}`)
  if (runtime > deadline) return about('runtime', `runtime ${runtime} must be <= deadline ${deadline}`)
  if (period && deadline > period) return about('deadline', `deadline ${deadline} must be <= period ${period}`)
  return undefined
}

function ioPriorityIsInRange({ ioPriority }: Process): Complaint | undefined {
  return outside(ioPriority?.priority, 0, 7, '/ioPriority/priority')
}
