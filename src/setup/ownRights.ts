import { CAP_SETGID, CAP_SETPCAP, CAP_SETUID } from '../../native/abi/capability.ts'
import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { HostError } from '../errors.ts'
import { lastCapability } from '../host/host.ts'
import { capabilityNames } from '../plan/process/capabilities.ts'
import type { ProcessPlan } from '../plan/process/process.ts'

const all = (...capabilities: number[]) => capabilities.reduce((mask, bit) => mask | (1n << BigInt(bit)), 0n)

const TO_BECOME_ANOTHER = all(CAP_SETUID, CAP_SETGID, CAP_SETPCAP)
const EVERYTHING = 2n ** 64n - 1n

/**
 * The process as this runtime, with the effective capabilities `own`, can make it in its own user namespace: found out
 * before anything is made, since a process becomes what it is to be only when the container starts. Without CAP_SETPCAP
 * the bounding set stays as it is, which is right when it has no more than it should. `groups`: those are to be set.
 * Errors: HostError that says which capability is missing, and for what.
 */
export function withinOwnRights(
  outside: Kernel<'outside'>,
  own: bigint,
  process: ProcessPlan,
  groups: boolean,
): ProcessPlan {
  if ((own & TO_BECOME_ANOTHER) === TO_BECOME_ANOTHER) return process
  if (own === 0n) return process // who has none is told to use a user namespace, by what is denied first
  const lacks = (capability: number) => (own & all(capability)) === 0n
  const { uid, gid } = outside.effectiveIds()
  const setsGroups = groups && outside.readTextIfAny(AT_FDCWD, '/proc/self/setgroups')?.trim() !== 'deny'
  if (lacks(CAP_SETGID) && (setsGroups || process.gid !== gid)) refuse('CAP_SETGID', 'set the groups of a process')
  if (lacks(CAP_SETUID) && process.uid !== uid) refuse('CAP_SETUID', `make a process one of user ${process.uid}`)
  return lacks(CAP_SETPCAP) ? withBoundingAsItIs(outside, process) : process
}

function withBoundingAsItIs(outside: Kernel<'outside'>, process: ProcessPlan): ProcessPlan {
  const { capabilities } = process
  const known = all(...Array(lastCapability(outside) + 1).keys())
  const { length } = capabilityNames(ownBounding(outside) & known & ~capabilities.bounding)
  if (length > 0)
    refuse('CAP_SETPCAP', `take what process.capabilities.bounding does not name, ${length} of them, out of that set`)
  return { ...process, capabilities: { ...capabilities, bounding: EVERYTHING } }
}

/** See proc_pid_status(5). */
function ownBounding(outside: Kernel<'outside'>): bigint {
  const text = outside.readTextIfAny(AT_FDCWD, '/proc/self/status') ?? ''
  return BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(text)?.[1] ?? 'ffffffffffffffff'}`)
}

function refuse(capability: string, purpose: string): never {
  throw new HostError(
    `the runtime itself lacks ${capability}, which it needs to ${purpose}; run tsrun with it, or give the container a user namespace`,
  )
}
