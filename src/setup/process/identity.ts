import { CAP_SYS_ADMIN } from '../../../native/abi/capability.ts'
import { E2BIG } from '../../../native/abi/errno.ts'
import { RLIMIT_NOFILE } from '../../../native/abi/resource.ts'
import { KernelError, NoRoom } from '../../../native/failure.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { DENIED } from '../../host/denied.ts'
import { capabilityNames, capabilityNumber } from '../../plan/process/capabilities.ts'
import { DEFAULT_UMASK, type ProcessPlan } from '../../plan/process/process.ts'
import { SAME } from '../../streams/streams.ts'
import { type Labels, writeLabels } from '../facilities/labels.ts'

const TOO_LONG = 'arguments and environment are too long together'

/**
 * What the executable itself may answer at the very end, in the words that podman looks for, and people who read a message
 * of runc.
 */
function executeHints(executable: string) {
  return {
    ENOENT: `exec ${executable}: no such file or directory: its interpreter or dynamic loader is missing in the container`,
    EACCES: `exec ${executable}: permission denied: not executable for this user, or on a noexec mount`,
    ENOEXEC: `exec ${executable}: exec format error: neither a program for this architecture nor a script with a \`#!\` line`,
    E2BIG: TOO_LONG,
    EPERM: `exec ${executable}: operation not permitted: no_new_privs, the LSM or the seccomp profile forbids it`,
  }
}

/** Does the user namespace allow setgroups(2)? Not when an unprivileged user wrote its group map, see user_namespaces(7). */
export interface IdentityFacts {
  readonly setgroupsAllowed: boolean
  /** The highest capability that this kernel knows. */
  readonly lastCapability: number
  readonly labels: Labels | undefined
  /** Standard streams that are to belong to the user, see streams.ts. */
  readonly streams: readonly number[]
  /** Loads the container's filter of system calls, when it has one. */
  readonly loadFilter: (() => void) | undefined
}

/**
 * The last steps of a container's first process, recorded for the executor to take alone. The order is the kernel's:
 * the bounding set needs CAP_SETPCAP, the change of user drops the effective set, ambient needs permitted and inheritable.
 * The filter comes after all of them but the execve, so that a profile has to allow no more than that.
 */
export function becomeProcess(
  tail: Kernel<'inside'>,
  plan: ProcessPlan,
  executable: string,
  facts: IdentityFacts,
): void {
  if (plan.terminal) tail.controlTerminal(0)
  // Where a filter around us denies it the program has the caller's, as with crun and runc; not if another was asked for.
  tail.umask(plan.umask, plan.umask === DEFAULT_UMASK ? DENIED : undefined)
  for (const stream of facts.streams) tail.fchownat(stream, '', plan.uid, SAME, 'any')
  takeIdentity(tail, plan, facts)
  writeLabels(tail, facts.labels)
  if (plan.noNewPrivileges) tail.noNewPrivileges()
  // Last, since opening anything after a low limit would fail. The planner has raised the hard limit where needed.
  for (const { resource, soft, hard } of plan.rlimits)
    if (resource === RLIMIT_NOFILE) tail.setLimit(0, resource, soft, hard, 'RLIMIT_NOFILE')
  facts.loadFilter?.()
  execute(tail, executable, plan)
}

/** What does not fit into the arena is more than the kernel takes. */
function execute(tail: Kernel<'inside'>, executable: string, { args, env }: ProcessPlan): void {
  const subject = `\`${executable}\``
  try {
    tail.later({ name: 'execve', args: [executable, args, env], subject, hint: executeHints(executable) })
  } catch (error) {
    if (!(error instanceof NoRoom)) throw error
    throw new KernelError('execve', E2BIG, subject, TOO_LONG)
  }
}

/**
 * What is taken on right before the executable of a startContainer hook. That is the image's, as the program is, and gets
 * no more rights than that; as in crun and runc.
 */
export function becomeHook(
  tail: Kernel<'inside'>,
  plan: ProcessPlan,
  facts: Omit<IdentityFacts, 'labels' | 'streams'>,
): void {
  takeIdentity(tail, plan, facts)
  if (plan.noNewPrivileges) tail.noNewPrivileges()
  facts.loadFilter?.()
}

function takeIdentity(
  tail: Kernel<'inside'>,
  plan: ProcessPlan,
  facts: Omit<IdentityFacts, 'labels' | 'streams'>,
): void {
  dropBounding(tail, plan, facts)
  tail.keepCapabilities()
  if (facts.setgroupsAllowed) tail.setgroups(plan.additionalGids)
  tail.setresgid(plan.gid)
  tail.setresuid(plan.uid)
  applyCapabilities(tail, plan, facts)
}

function dropBounding(
  tail: Kernel<'inside'>,
  { capabilities }: ProcessPlan,
  { lastCapability }: Pick<IdentityFacts, 'lastCapability'>,
): void {
  for (let capability = 0; capability <= lastCapability; capability++)
    if (((capabilities.bounding >> BigInt(capability)) & 1n) === 0n)
      tail.dropBounding(capability, 'bounding capability')
}

/**
 * Without no_new_privs a filter needs CAP_SYS_ADMIN, which stays until the execve. That computes the permitted and the
 * effective set from the inheritable, bounding and ambient ones, see capabilities(7), so the program sees nothing of it.
 */
function applyCapabilities(
  tail: Kernel<'inside'>,
  { capabilities, noNewPrivileges }: ProcessPlan,
  { loadFilter }: Pick<IdentityFacts, 'loadFilter'>,
): void {
  const admin = loadFilter === undefined || noNewPrivileges ? 0n : 1n << BigInt(CAP_SYS_ADMIN)
  const { effective, permitted, inheritable } = capabilities
  tail.capset(
    { effective: effective | admin, permitted: permitted | admin, inheritable },
    { EPERM: 'the runtime itself lacks one of the capabilities that the container is to have' },
  )
  // Refused when it is not permitted and inheritable too; crun and runc go on without it.
  for (const name of capabilityNames(capabilities.ambient)) tail.raiseAmbient(capabilityNumber(name)!, name, 'any')
}
