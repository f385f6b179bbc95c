import { IOPRIO_CLASS_SHIFT, ioPriorityClasses } from '../../../native/abi/scheduling/ioprio.ts'
import { schedulerFlags, schedulerPolicies } from '../../../native/abi/scheduling/scheduler.ts'
import type { SchedulerAttributes } from '../../../native/calls/scheduling.ts'
import type { ExecCpuAffinity, IoPriority, Process, Scheduler } from '../../../spec/generated/config.ts'
import { numberMask } from './numberList.ts'

/** How the process shares processors and disks with others, in the kernel's numbers. Undefined: as the caller. */
export interface SchedulingPlan {
  readonly scheduler: (SchedulerAttributes & { readonly name: string }) | undefined
  readonly ioPriority: { readonly name: string; readonly value: number } | undefined
  readonly execAffinity: AffinityPlan | undefined
}

/** CPUs of a process that `exec` starts, as masks: until it is in the container's cgroup, and from then on. */
export interface AffinityPlan {
  readonly initial: Uint8Array | undefined
  readonly final: Uint8Array | undefined
}

/** The most CPUs that a kernel can be built for. */
const CPUS_MAX = 8192

/** Scheduling of config.md#linux-process. Errors: ConfigError for a list of CPUs that is none. */
export function planScheduling(
  { scheduler, ioPriority, execCPUAffinity }: Process,
  pointer = '/process',
): SchedulingPlan {
  return {
    scheduler: scheduler && planScheduler(scheduler),
    ioPriority: ioPriority && planIoPriority(ioPriority),
    execAffinity: execCPUAffinity && planAffinity(execCPUAffinity, `${pointer}/execCPUAffinity`),
  }
}

/** Numbers that are not given are 0. */
function planScheduler(scheduler: Scheduler): SchedulingPlan['scheduler'] {
  const { policy, flags = [], nice = 0, priority = 0, runtime = 0, deadline = 0, period = 0 } = scheduler
  return {
    name: policy,
    policy: schedulerPolicies[policy],
    flags: flags.reduce((all, flag) => all | schedulerFlags[flag], 0),
    nice,
    priority,
    runtime,
    deadline,
    period,
  }
}

function planIoPriority({ class: name, priority = 0 }: IoPriority): SchedulingPlan['ioPriority'] {
  return { name, value: (ioPriorityClasses[name] << IOPRIO_CLASS_SHIFT) | priority }
}

function planAffinity({ initial, final }: ExecCpuAffinity, pointer: string): AffinityPlan {
  const mask = (list: string | undefined, at: string) => (list ? numberMask(list, CPUS_MAX, at) : undefined)
  return { initial: mask(initial, `${pointer}/initial`), final: mask(final, `${pointer}/final`) }
}

/** Every CPU that there can be: the kernel leaves out those that are not there or not in the cgroup's cpuset. */
export function everyCpu(): Uint8Array {
  return new Uint8Array(CPUS_MAX / 8).fill(0xff)
}
