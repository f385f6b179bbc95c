import { EINVAL } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_RDONLY } from '../../native/abi/fcntl.ts'
import { CLONE_NEWIPC, CLONE_NEWTIME, CLONE_NEWUSER } from '../../native/abi/sched.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { cloneSuccessor } from '../../native/executor/successor.ts'
import type { Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing } from '../errors.ts'
import type { IdMapping } from '../plan/namespaces/idMappings.ts'
import { cloneFlags, isOwn, type NamespacePlan, type NamespaceType } from '../plan/namespaces/namespaces.ts'
import type { OpenJoin } from '../rootfs/joinedFilesystems.ts'
import type { Runtime } from '../runtime.ts'
import { INIT_NAME } from '../state/record.ts'
import { checkJoinedMaps, setgroupsAllowed as maySetGroups, setgroupsAllowedBelow, writeIdMaps } from './idMaps.ts'
import { joinNamespace, namespaceHints, type OwnedPaths, spawnFirstProcess } from './spawn.ts'

/** The container's first process, in all of its namespaces but the cgroup one. */
export interface FirstProcess {
  /** Waits until it is there. */
  readonly pid: () => number
  readonly setgroupsAllowed: boolean
}

/** Opens the namespaces to enter, all of them before any is entered: their paths are the host's. */
export function openJoins(outside: Kernel<'outside'>, plan: NamespacePlan, fds: Fds): OpenJoin[] {
  checkJoinedMaps(outside, plan)
  return plan.join.map(join =>
    doing(`open the ${join.type} namespace`, () => ({
      ...join,
      fd: fds.keep(outside.openat(AT_FDCWD, join.path, O_RDONLY)),
    })),
  )
}

/**
 * Brings the first process into the container's namespaces. The usual way is one clone3 by the keeper. Where rights or
 * clocks depend on a user namespace that is there first, a child of the keeper goes step by step; and where there is only
 * clone(2), which makes no time namespace.
 */
export function enterNamespaces(
  runtime: Runtime,
  executor: Executor,
  owned: OwnedPaths,
  plan: NamespacePlan,
  joins: readonly OpenJoin[],
  privileged: boolean,
): FirstProcess {
  // What is born where others are must not be seen before its first call, which they may keep it from. Without privileges we
  // have to write its id maps, and from a user namespace nobody gets to it.
  const isSeen = privileged && !plan.create.has('pid')
  if (isSeen) executor.kernel.notDumpable()
  const stepwise =
    timeComesFirst(executor, plan) ||
    joins.some(join => join.type === 'user') ||
    (plan.create.has('user') && joins.length > 0 && !privileged)
  return stepwise
    ? enterStepwise(runtime, executor, owned, plan, joins, privileged, isSeen)
    : enterAtOnce(runtime, executor, owned, plan, joins)
}

/** Is the time namespace made by unshare(2), for the child of who does that? Offsets can be set until somebody is in it. */
function timeComesFirst({ kernel }: Executor, { create, timeOffsets }: NamespacePlan): boolean {
  return timeOffsets !== undefined || (create.has('time') && kernel.lacking.has('clone3'))
}

function enterAtOnce(
  runtime: Runtime,
  executor: Executor,
  owned: OwnedPaths,
  plan: NamespacePlan,
  joins: readonly OpenJoin[],
): FirstProcess {
  const [hasUser, hasIpc] = [plan.create.has('user'), plan.create.has('ipc')]
  // Queues of messages belong to who makes the namespace: the host's root, who is nobody in the container, or its own.
  const ipcLater = hasUser && hasIpc ? (['ipc'] as const) : []
  const pid = spawnFirstProcess(executor, owned, joins, cloneFlags(without(plan.create, 'cgroup', ...ipcLater)))
  const setgroupsAllowed = hasUser ? writeIdMaps(runtime, pid(), plan) : setgroupsAllowedBelow(runtime)
  if (hasUser) becomeRoot(executor.kernel, plan)
  if (ipcLater.length > 0) executor.kernel.unshare(CLONE_NEWIPC, 'an ipc namespace', namespaceHints)
  return { pid, setgroupsAllowed }
}

function enterStepwise(
  runtime: Runtime,
  executor: Executor,
  owned: OwnedPaths,
  plan: NamespacePlan,
  joins: readonly OpenJoin[],
  privileged: boolean,
  isSeen: boolean,
): FirstProcess {
  const { outside } = runtime
  const { kernel: inside } = executor
  const first = spawnFirstProcess(executor, owned, [], 0n)()
  const enter = (join: OpenJoin) => joinNamespace(executor, join)
  const [others, user] = [joins.filter(join => join.type !== 'user'), joins.filter(join => join.type === 'user')]
  let setgroupsAllowed = setgroupsAllowedBelow(runtime)
  // The host's root may enter all of them; the user namespace gives the right to some only.
  if (privileged) others.forEach(enter)
  user.forEach(enter)
  if (plan.create.has('user')) {
    inside.unshare(CLONE_NEWUSER, 'a user namespace', namespaceHints)
    inside.flush()
    setgroupsAllowed = writeIdMaps(runtime, first, plan)
  }
  if (user.length > 0) {
    inside.flush()
    setgroupsAllowed = maySetGroups(runtime, first)
  }
  if (isOwn(plan, 'user')) becomeRoot(inside, plan)
  if (!privileged) others.forEach(enter)
  const time = timeComesFirst(executor, plan)
  if (time) inside.unshare(CLONE_NEWTIME, 'a time namespace', namespaceHints)
  if (plan.timeOffsets !== undefined) {
    inside.flush()
    const hint = { ERANGE: 'the offset leads before the start of the clock or too far' }
    outside.writeControl(AT_FDCWD, `/proc/${first}/timens_offsets`, plan.timeOffsets, hint)
  }
  if (isSeen) inside.notDumpable() // a change of ids may have taken that back
  const rest = without(plan.create, 'user', 'cgroup', ...(time ? ['time' as const] : []))
  const pid = cloneSuccessor(executor, cloneFlags(rest), INIT_NAME, namespaceHints)
  outside.wait(first, 0)
  return { pid: () => pid, setgroupsAllowed }
}

function without(types: ReadonlySet<NamespaceType>, ...left: NamespaceType[]): NamespaceType[] {
  return [...types].filter(type => !left.includes(type))
}

type Mappings = Pick<NamespacePlan, 'uidMappings' | 'gidMappings'>

/**
 * Files made from now on belong to the container's root; where none is mapped, to the first id that is, since the overflow ids
 * can make none (EOVERFLOW). Of a namespace that somebody else has made the `mappings` are not known.
 */
export function becomeRoot(inside: Kernel<'inside'>, mappings?: Mappings): void {
  const [gid, uid] = [ownerIn(mappings?.gidMappings ?? []), ownerIn(mappings?.uidMappings ?? [])]
  inside.later({ name: 'setresgid', args: [gid, gid, gid], tolerate: [EINVAL] })
  inside.later({ name: 'setresuid', args: [uid, uid, uid], tolerate: [EINVAL] })
}

function ownerIn(mappings: readonly IdMapping[]): number {
  const first = mappings.find(({ size }) => size > 0)
  return first === undefined || mappings.some(({ containerID, size }) => containerID === 0 && size > 0)
    ? 0
    : first.containerID
}
