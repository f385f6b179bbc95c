import { PR_SET_NAME } from '../abi/prctl.ts'
import { CLONE_INTO_CGROUP, CLONE_PARENT, CLONE_PARENT_SETTID, CLONE_PIDFD } from '../abi/sched.ts'
import { SIGKILL } from '../abi/signal.ts'
import { type Clone, cloneCall } from '../calls/process.ts'
import type { Fd } from '../fd.ts'
import type { Call } from '../kernels/machine.ts'
import type { Operation } from '../kernels/operation.ts'
import { Out } from '../struct.ts'
import type { Executor } from './launch.ts'
import { OP_RESULT } from './protocol.ts'

/** A process that another executor has borne and holds by a pidfd. */
export interface HeldChild {
  readonly clone: Operation
  /** What the parent has to do first of all to have that. */
  readonly hold: readonly Operation[]
  /** Where in the arena it is. */
  readonly pidfd: number
}

/**
 * Queues a clone whose parent gets a pidfd of the child. clone(2) gives none beside a pid, so it is opened then: the child is
 * the planner's, so its number is its own as long as that is there.
 */
export function cloneAndHold(executor: Executor, clone: Clone, hint: Call['hint']): HeldChild {
  const { calls, kernel } = executor
  if (kernel.lacking.has('clone3')) {
    const operation = calls.later(cloneCall(kernel, clone, hint))
    const hold = calls.record(() => {
      const child = calls.later({ name: 'load', args: [clone.pid!.address] })
      calls.later({ name: 'pidfd_open', args: [child, 0], tolerate: 'any' })
    })
    const opened = hold.find(({ call }) => call.name === 'pidfd_open')!
    return { clone: operation, hold, pidfd: opened.address + OP_RESULT }
  }
  const pidfd = new Out(8)
  const held = { ...clone, flags: clone.flags | BigInt(CLONE_PIDFD), pidfd }
  return { clone: calls.later(cloneCall(kernel, held, hint)), hold: [], pidfd: pidfd.address }
}

/** A child in a pid namespace of others. */
export interface Ward {
  /** Waits until it is there. */
  readonly pid: () => number
  readonly firstCall: Operation
}

/**
 * Clones an executor that has entered a pid namespace: it becomes the warden of its child, which goes on with what follows in the
 * batch. Who is in there may stop the child, before its first call even, so that it would never see the planner's end; the warden
 * is in the planner's pid namespace.
 */
export function cloneUnderWarden(
  executor: Executor,
  name: string,
  cgroup: Fd<'inside'> | undefined,
  hint?: Call['hint'],
): Ward {
  const { calls, kernel, spawns, guardNumber } = executor
  const pid = new Out(8)
  const flags = BigInt(CLONE_PARENT | CLONE_PARENT_SETTID) | (cgroup ? CLONE_INTO_CGROUP : 0n)
  const held = cloneAndHold(executor, { flags, cgroup, pid, exitSignal: 0 }, hint)
  held.clone.branch({ positive: recordWarden(executor, held) })
  const firstCall = calls.later({ name: 'prctl', args: [PR_SET_NAME, name, 0, 0, 0] })
  kernel.later({ name: 'close', args: [guardNumber] })
  calls.keep()
  spawns(pid)
  return {
    firstCall,
    pid: () => {
      calls.answer(held.clone)
      return pid.view.getInt32(0, true)
    },
  }
}

/** When the planner is gone, or gives up, so is the child; what happens to a terminal is not for the warden. */
function recordWarden({ calls, kernel, controlNumber, guardNumber }: Executor, { hold, pidfd }: HeldChild): number {
  const warden = calls.record(() => {
    kernel.setsid()
    kernel.later({ name: 'close', args: [controlNumber] })
    kernel.later({ name: 'read', args: [guardNumber, new Out(8), 8], tolerate: 'any' })
    const child = calls.later({ name: 'load', args: [pidfd], tolerate: 'any' })
    kernel.later({ name: 'pidfd_send_signal', args: [child, SIGKILL, null, 0], tolerate: 'any' })
    kernel.exit(0)
  })
  const chain = [...hold, ...warden]
  calls.link(chain, 0)
  return chain[0]!.address
}
