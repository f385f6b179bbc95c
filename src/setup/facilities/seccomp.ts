import { EFAULT } from '../../../native/abi/errno.ts'
import { CMSGHDR } from '../../../native/abi/layout/socket.ts'
import { CLONE_FILES, CLONE_SIGHAND, CLONE_THREAD, CLONE_VM } from '../../../native/abi/sched.ts'
import { SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_SET_MODE_FILTER } from '../../../native/abi/seccomp.ts'
import { MSG_NOSIGNAL, SCM_RIGHTS, SHUT_RDWR, SOL_SOCKET } from '../../../native/abi/socket.ts'
import { cloneCall, timespec } from '../../../native/calls/process.ts'
import { CMSG_DATA, CMSG_SPACE, messageHeader } from '../../../native/calls/socket.ts'
import type { Executor } from '../../../native/executor/launch.ts'
import { ARENA_ADDRESS } from '../../../native/executor/protocol.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import type { Call } from '../../../native/kernels/machine.ts'
import type { Operation } from '../../../native/kernels/operation.ts'
import { Out, Struct } from '../../../native/struct.ts'
import { encode } from '../../../native/utf8.ts'
import type { SeccompFlag } from '../../../spec/generated/config.ts'
import { doing } from '../../errors.ts'
import { type SeccompAgent, seccompFlags, type SeccompPlan } from '../../plan/seccomp/plan.ts'
import { agentState } from '../../state/ociState.ts'
import type { ContainerRecord } from '../../state/record.ts'
import { connectSocket } from '../../streams/unixSocket.ts'
import type { HelperChain } from '../tail.ts'

/** Between two looks of the thread that waits for the listener. */
const PAUSE_MS = 0.05

const connectHints = {
  ENOENT: 'there is no such socket; is the seccomp agent running?',
  ECONNREFUSED: 'nobody listens there; is the seccomp agent running?',
  EPROTOTYPE: 'it is not a stream socket',
}

const sendHints = {
  EPIPE: 'the seccomp agent has closed the connection',
  ECONNRESET: 'the seccomp agent has closed the connection',
}

/** A connection to the agent that is asked about calls, made while the host's paths are at hand. */
export function connectAgent(outside: Kernel<'outside'>, { path }: SeccompAgent): Fd<'outside'> {
  return doing('failed to connect with seccomp agent', () => connectSocket(outside, path, connectHints))
}

/** The first process of a container, or with `execPid` another one. */
interface FilteredProcess {
  readonly executor: Executor
  readonly record: ContainerRecord
  /** The connection to the seccomp agent. */
  readonly agent: Fd<'inside'> | undefined
  readonly execPid?: number
}

/**
 * Records the loading of the filter. Where the agent is asked about calls, any call of this process may be one of them from
 * then on, so a thread that was cloned before sends the listener to the agent. They share memory and descriptors: the
 * kernel's answer goes straight into the message of the thread, which looks for it, and the process looks for the thread's
 * result. That it does without a call, so a filter may ask about all of them.
 */
export function loadFilter(
  process: FilteredProcess,
  plan: SeccompPlan,
  addHelper: (helper: HelperChain) => void,
): void {
  loadProfile(process, plan, addHelper)
  // Not before: a filter can have seccomp(2) say that all went well, and do nothing.
  if (plan.added) process.executor.kernel.loadFilter(plan.added.flags, plan.added.program)
}

function loadProfile(
  { executor, record, agent, execPid }: FilteredProcess,
  { program, flags, agent: asked }: SeccompPlan,
  addHelper: (helper: HelperChain) => void,
): void {
  const { calls, kernel } = executor
  if (asked === undefined || agent === undefined) {
    kernel.loadFilter(flags, program)
    return
  }
  doing(`seccomp agent \`${asked.path}\``, () => {
    const message = encode(agentState(record, execPid === undefined ? 'creating' : 'running', asked.metadata, execPid))
    const rights = rightsMessage()
    const send = calls.record(() => {
      calls.later({
        name: 'sendmsg',
        args: [agent, messageHeader(message, rights, rights.size), MSG_NOSIGNAL],
        hint: sendHints,
      })
      // Closing would not do: the keeper and a planner that waits have the connection open too.
      calls.later({ name: 'shutdown', args: [agent, SHUT_RDWR], tolerate: 'any' })
      calls.later({ name: 'exit', args: [0] })
    })
    const sending = callIn(send, 'sendmsg')
    const listener = rights.address + CMSG_DATA
    const wait = calls.record(() => {
      calls.later({ name: 'load', args: [listener] })
      calls.later({ name: 'nanosleep', args: [timespec(PAUSE_MS), null], tolerate: 'any' })
    })
    callIn(wait, 'load').branch({ positive: send[0]!.address, negative: callIn(send, 'exit').address })
    calls.link(wait, wait[0]!.address)

    const thread = BigInt(CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD)
    const clone = calls.later(cloneCall(kernel, { flags: thread, exitSignal: 0 }))
    clone.branch({ zero: wait[0]!.address })
    const loading = kernel.loadFilter(flags, program)
    calls.result(loading, listener - ARENA_ADDRESS)
    const sent = new Out(8)
    const until = calls.later({ name: 'load', args: [sent] })
    calls.result(sending, sent.address - ARENA_ADDRESS)
    // Negative: the thread reports that and ends the process.
    until.branch({ zero: until.address, negative: until.address })
    addHelper({ steps: send, sending, until })
  })
}

/** By name, since under a trace readings of the clock stand between the calls of a chain. */
function callIn(chain: readonly Operation[], name: Call['name']): Operation {
  return chain.find(({ call }) => call.name === name)!
}

/** A control message with room for one descriptor, which is zero until there is one. */
function rightsMessage(): Out {
  const control = new Struct(CMSG_SPACE)
    .u64(CMSGHDR.cmsg_len, CMSG_DATA + 4)
    .u32(CMSGHDR.cmsg_level, SOL_SOCKET)
    .u32(CMSGHDR.cmsg_type, SCM_RIGHTS)
  return new Out(control.bytes)
}

/** Does this kernel know a flag? It looks at flags before it looks for the filter, of which there is none. */
export function supportsSeccompFlag(outside: Kernel<'outside'>, flag: SeccompFlag): boolean {
  const listener = flag === 'SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV' ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0
  const args = [SECCOMP_SET_MODE_FILTER, seccompFlags[flag] | listener, null]
  return outside.now({ name: 'seccomp', args, tolerate: 'any' }) === -EFAULT
}
