import type { Kernel } from '../../../native/kernel.ts'
import { doing } from '../../errors.ts'
import type { MembershipPlan } from '../../plan/container.ts'
import { type AffinityPlan, everyCpu, type SchedulingPlan } from '../../plan/process/scheduling.ts'

/**
 * The first process may use every CPU that its cgroup allows, whatever the caller was pinned to: since Linux 6.2 a mask
 * that was once set survives the move into another cpuset.
 */
export function resetAffinity(inside: Kernel<'inside'>): void {
  inside.schedSetaffinity(0, everyCpu(), 'any')
}

/** process.execCPUAffinity: the CPUs of a process of `exec` while it is not in the container's cgroup yet. */
export function applyInitialAffinity(inside: Kernel<'inside'>, affinity: AffinityPlan | undefined): void {
  setAffinity(inside, 'initial', affinity?.initial)
}

/** The CPUs from then on: as asked for, else as the kernel has it after an initial mask, else all that the cgroup allows. */
export function applyFinalAffinity(inside: Kernel<'inside'>, affinity: AffinityPlan | undefined): void {
  if (affinity?.initial === undefined && affinity?.final === undefined) resetAffinity(inside)
  else setAffinity(inside, 'final', affinity.final)
}

function setAffinity(inside: Kernel<'inside'>, when: 'initial' | 'final', mask: Uint8Array | undefined): void {
  if (mask === undefined) return
  const hint = { EINVAL: 'none of these CPUs is there and allowed by the cpuset of the cgroup' }
  doing(`process.execCPUAffinity.${when}`, () => inside.schedSetaffinity(0, mask, undefined, hint))
}

/** Scheduling of the first process, by the planner, whose privileges are the host's; config.md#linux-process. */
export function applyScheduling(
  outside: Kernel<'outside'>,
  pid: number,
  { scheduler, ioPriority }: SchedulingPlan,
): void {
  if (scheduler !== undefined)
    doing('process.scheduler', () => {
      outside.schedSetattr(pid, scheduler, scheduler.name, schedulerHints)
    })
  if (ioPriority !== undefined)
    doing('process.ioPriority', () => {
      outside.ioprioSet(pid, ioPriority.value, ioPriority.name, ioPriorityHints)
    })
}

const schedulerHints = {
  EPERM: 'it needs CAP_SYS_NICE on the host, or a higher RLIMIT_NICE or RLIMIT_RTPRIO',
  EBUSY: 'the processors have no time left for another such process',
  EINVAL: 'the kernel does not take this policy with these parameters and flags',
}

const ioPriorityHints = { EPERM: 'this class needs CAP_SYS_NICE on the host' }

/** linux.memoryPolicy and linux.personality: the kernel lets a process set them for itself only, and execve keeps them. */
export function applyInherited(inside: Kernel<'inside'>, { memoryPolicy, personality }: MembershipPlan): void {
  if (memoryPolicy !== undefined)
    doing('linux.memoryPolicy', () => {
      inside.setMempolicy(memoryPolicy.mode, memoryPolicy.nodes, memoryPolicy.name, memoryPolicyHints)
    })
  if (personality !== undefined) doing('linux.personality', () => inside.personality(personality))
}

const memoryPolicyHints = {
  EINVAL: 'the kernel does not take this policy with these nodes and flags; are the nodes in the cpuset of the cgroup?',
  ENOSYS: 'this kernel is built without NUMA',
}
