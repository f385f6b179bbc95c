import { PR_SET_NAME } from '../abi/prctl.ts'
import { CLONE_PARENT, CLONE_PARENT_SETTID } from '../abi/sched.ts'
import { cloneCall } from '../calls/process.ts'
import { Failure } from '../failure.ts'
import type { Call } from '../kernels/machine.ts'
import { Out } from '../struct.ts'
import type { Executor } from './launch.ts'

/** The executor clones itself once more and ends; the child goes on, born into what the parent has prepared. Returns its pid. */
export function cloneSuccessor(
  { calls, kernel, spawns }: Executor,
  namespaces: bigint,
  name: string,
  hint?: Call['hint'],
): number {
  const pid = new Out(8)
  const flags = namespaces | BigInt(CLONE_PARENT | CLONE_PARENT_SETTID)
  const clone = calls.later(cloneCall(kernel, { flags, pid, exitSignal: 0 }, hint))
  const parent = calls.record(() => kernel.exit(0))
  const child = calls.record(() => kernel.later({ name: 'prctl', args: [PR_SET_NAME, name, 0, 0, 0] }))
  calls.link(parent, 0)
  calls.link(child, 0)
  clone.branch({ positive: parent[0]!.address, zero: child[0]!.address })
  calls.keep()
  spawns(pid)
  calls.flush()
  const number = pid.view.getInt32(0, true)
  if (number <= 0) throw new Failure('the process died before it was born')
  return number
}
