import { ESRCH } from '../abi/errno.ts'
import { SCHED_ATTR } from '../abi/layout/process.ts'
import { IOPRIO_WHO_PROCESS } from '../abi/scheduling/ioprio.ts'
import type { Call, Calls } from '../kernels/machine.ts'
import { Struct } from '../struct.ts'

/** What sched_setattr(2) takes, by the names of `struct sched_attr`. */
export interface SchedulerAttributes {
  readonly policy: number
  readonly flags: number
  readonly nice: number
  readonly priority: number
  /** Nanoseconds, for SCHED_DEADLINE. */
  readonly runtime: number | bigint
  readonly deadline: number | bigint
  readonly period: number | bigint
}

export const schedulingCalls = {
  /** sched_setattr(pid, attributes, 0), see sched_setattr(2). */
  schedSetattr(this: Calls, pid: number, wanted: SchedulerAttributes, subject: string, hint?: Call['hint']): void {
    const attributes = new Struct(SCHED_ATTR.size)
      .u32(0, SCHED_ATTR.size) // the first field says so
      .u32(SCHED_ATTR.sched_policy, wanted.policy)
      .u64(SCHED_ATTR.sched_flags, wanted.flags)
      .u32(SCHED_ATTR.sched_nice, wanted.nice)
      .u32(SCHED_ATTR.sched_priority, wanted.priority)
      .u64(SCHED_ATTR.sched_runtime, wanted.runtime)
      .u64(SCHED_ATTR.sched_deadline, wanted.deadline)
      .u64(SCHED_ATTR.sched_period, wanted.period)
    this.later({ name: 'sched_setattr', args: [pid, attributes, 0], subject, hint })
  },

  /** sched_setaffinity(pid, size, mask), see sched_setaffinity(2): bit n of the mask stands for CPU n. */
  schedSetaffinity(this: Calls, pid: number, mask: Uint8Array, tolerate?: Call['tolerate'], hint?: Call['hint']): void {
    this.later({ name: 'sched_setaffinity', args: [pid, mask.length, mask], subject: 'CPU affinity', tolerate, hint })
  },

  /** ioprio_set(IOPRIO_WHO_PROCESS, pid, priority), see ioprio_set(2). */
  ioprioSet(this: Calls, pid: number, priority: number, subject: string, hint?: Call['hint']): void {
    this.later({ name: 'ioprio_set', args: [IOPRIO_WHO_PROCESS, pid, priority], subject, hint })
  },

  /** ioprio_get(IOPRIO_WHO_PROCESS, pid), see ioprio_set(2); undefined when there is no such process. */
  ioprioGet(this: Calls, pid: number): number | undefined {
    const priority = this.now({ name: 'ioprio_get', args: [IOPRIO_WHO_PROCESS, pid], tolerate: [ESRCH] })
    return priority < 0 ? undefined : priority
  },

  /** set_mempolicy(mode, nodes, size), see set_mempolicy(2): bit n of `nodes` stands for node n. */
  setMempolicy(this: Calls, mode: number, nodes: Uint8Array | undefined, subject: string, hint?: Call['hint']): void {
    // The kernel reads one bit less than it is told.
    const args = nodes === undefined ? [mode, null, 0] : [mode, nodes, 8 * nodes.length + 1]
    this.later({ name: 'set_mempolicy', args, subject, hint })
  },

  /** personality(domain), see personality(2); an execve keeps it. */
  personality(this: Calls, domain: number): void {
    this.later({ name: 'personality', args: [domain] })
  },
}
