import type { Executor } from '../../native/executor/launch.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { NewCgroup } from '../cgroup/cgroup.ts'
import { makesThreaded } from '../cgroup/threaded.ts'
import { Failure, isErrno } from '../errors.ts'
import { byAnotherWay, Detour, detour, detourOfMounts } from '../host/denied.ts'
import { withExecutor } from '../host/withExecutor.ts'
import type { ContainerPlan } from '../plan/container.ts'
import { dirname } from '../paths.ts'
import type { Runtime } from '../runtime.ts'
import { cleanUp, cleanUpSpawn } from './cleanUp.ts'
import { leaveResctrl } from './facilities/resctrl.ts'
import { type HostResources, packCgroup, passed, REMOVED_ATTEMPTS } from './hostResources.ts'
import type { Prepared } from './prepare.ts'
import {
  cgroupSubject,
  dismissKeeper,
  idTaken,
  isKilledAtSpawn,
  isTaken,
  KilledAtSpawn,
  NotMoved,
  type OwnedPaths,
} from './spawn.ts'

/**
 * Launches an executor for a new container, with `more` passed descriptors, and has `work` make the container with it.
 * Whatever fails in there, the keeper, which spawnFirstProcess() has made of the executor, takes back all that was made.
 */
export function underKeeper<T>(
  runtime: Runtime,
  prepared: Prepared,
  hostResources: HostResources,
  more: readonly Fd<'outside'>[],
  work: (executor: Executor, hostResources: HostResources) => T,
): T {
  using fds = new Fds()
  let left = REMOVED_ATTEMPTS
  const wayAfter = (failure: unknown, way: HostResources) =>
    failure instanceof ParentGone && left-- > 0
      ? { ...way, cgroup: packCgroup(runtime, prepared, way.containers, fds) }
      : otherResources(failure, way)
  return byAnotherWay(hostResources, wayAfter, way => underOneKeeper(runtime, prepared, way, more, work))
}

function otherResources(failure: unknown, hostResources: HostResources): HostResources | undefined {
  const { cgroup } = hostResources
  if (failure instanceof Detour) return hostResources
  const owned = cgroup?.owned && otherCgroup(cgroup.owned, failure)
  return owned && { ...hostResources, cgroup: { ...cgroup!, owned } }
}

/** How the cgroup is to be made, or entered, where it did not work as it does everywhere. */
function otherCgroup(cgroup: NewCgroup, failure: unknown): NewCgroup | undefined {
  if (failure instanceof KilledAtSpawn) return { ...cgroup, moves: true }
  return failure instanceof BelowThreaded ? { ...cgroup, threaded: true } : undefined
}

/** The cgroup takes no processes as it is: the one that it is in is threaded. */
class BelowThreaded extends Failure {}

/** The cgroup above was empty until now, and somebody has removed it. */
class ParentGone extends Failure {}

function underOneKeeper<T>(
  runtime: Runtime,
  prepared: Prepared,
  hostResources: HostResources,
  more: readonly Fd<'outside'>[],
  work: (executor: Executor, hostResources: HostResources) => T,
): T {
  const { inherited, request } = prepared
  const options = { inherited, stdio: request.stdio, passed: [...passed(hostResources), ...more] }
  let launched = false
  try {
    return withExecutor(runtime, options, executor => {
      launched = true
      return makeOrTakeBack(runtime, prepared, hostResources, executor, work)
    })
  } catch (error) {
    if (!launched) leaveResctrl(runtime.outside, hostResources.resctrl)
    throw error
  }
}

function makeOrTakeBack<T>(
  runtime: Runtime,
  prepared: Prepared,
  hostResources: HostResources,
  executor: Executor,
  work: (executor: Executor, hostResources: HostResources) => T,
): T {
  try {
    const result = work(executor, hostResources)
    dismissKeeper(executor, runtime.outside)
    return result
  } catch (error) {
    const other = otherWay(runtime, hostResources, executor, error)
    if (other !== undefined) {
      cleanUpSpawn(runtime, executor)
      throw other
    }
    const detourOrError = detourOfMounts(runtime.outside, error) ?? error
    const reason = isTaken(error, prepared.plan.id) ? idTaken(prepared.plan.id) : detourOrError
    throw cleanUp(runtime, prepared, hostResources, executor, reason)
  }
}

/** Is this the failure to be born in the cgroup, or to move there? */
function isNotTaken(failure: unknown): boolean {
  return failure instanceof NotMoved || (isErrno(failure, 'EOPNOTSUPP') && failure.call === 'clone3')
}

/** Why the first process is to be born once more, in another way, if that is what the failure says. */
function otherWay(
  { outside }: Runtime,
  { cgroup }: HostResources,
  executor: Executor,
  failure: unknown,
): Failure | undefined {
  if (!cgroup?.owned?.moves && isKilledAtSpawn(outside, executor))
    return new KilledAtSpawn('the first process was killed when it was born')
  if (cgroup?.owned && !cgroup.owned.threaded && isNotTaken(failure) && makesThreaded(outside, dirname(cgroup.path)))
    return new BelowThreaded('the cgroup is to be threaded')
  if (isParentGone(cgroup?.owned, failure)) return new ParentGone(`cgroup \`${dirname(cgroup!.path)}\` was removed`)
  return detour(outside, failure)
}

function isParentGone(cgroup: NewCgroup | undefined, failure: unknown): boolean {
  if (cgroup === undefined || !isErrno(failure, 'ENOENT') || failure.call !== 'mkdirat') return false
  return failure.subject === cgroupSubject(cgroup.name)
}

/** What the keeper of a container makes and guards. */
export function ownedPathsOf({ id }: ContainerPlan, { containers, cgroup, resctrl }: HostResources): OwnedPaths {
  return { root: containers, id, cgroup: cgroup?.owned, resctrl, enterScope: cgroup?.enterScope }
}
