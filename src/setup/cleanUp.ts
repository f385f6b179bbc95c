import { EBUSY, ENOENT, ENOTEMPTY } from '../../native/abi/errno.ts'
import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import { SIGALRM, SIGKILL } from '../../native/abi/signal.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { removeCgroup, removeEmptyCgroup } from '../cgroup/cgroup.ts'
import { explainedByMemory } from '../cgroup/outOfMemory.ts'
import { releaseScope } from '../cgroup/systemd/scope.ts'
import { Failure } from '../errors.ts'
import { MountDetour } from '../host/denied.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { Runtime } from '../runtime.ts'
import { removeDirectory } from '../state/store.ts'
import { leaveResctrl, removeResctrl, resctrlDirectories } from './facilities/resctrl.ts'
import { runPoststop } from './hooks/hooks.ts'
import type { HostResources } from './hostResources.ts'
import type { Prepared } from './prepare.ts'

/** How long the planner tries to remove a cgroup when the keeper has lost its patience. */
const LATE_MS = 2000

/** Somebody has killed the keeper, so what it would have done is done from here. */
function replaceKeeper(
  { outside, root }: Runtime,
  { id }: ContainerPlan,
  { cgroup, resctrl }: HostResources,
  executor: Executor,
): void {
  for (const child of executor.children()) outside.now({ name: 'kill', args: [child, SIGKILL], tolerate: 'any' })
  const [directory, group, tree] = ['directory', 'resctrl', 'cgroup'].map(what => executor.made(what))
  // What it did not come to make may be there and somebody else's. What it died of making goes if there is nothing in it.
  if (cgroup && tree === 'yes') removeCgroup(outside, cgroup.path)
  else if (cgroup && tree === 'unknown' && directory === 'yes') outside.rmdir(AT_FDCWD, cgroup.path, [ENOENT, EBUSY])
  if (resctrl && group === 'yes') removeResctrl(outside, resctrlDirectories(resctrl))
  if (directory === 'yes') removeDirectory(outside, root, id)
  else if (directory === 'unknown') outside.rmdir(AT_FDCWD, `${root}/${id}`, [ENOENT, ENOTEMPTY])
}

/**
 * The keeper has killed what was in the cgroup and has not got further: what is in it takes its time to die, or has made
 * others below, of which it knows nothing. Another create of this id may have the name by now.
 */
function removeLate({ outside, root }: Runtime, { id }: ContainerPlan, { cgroup }: HostResources): boolean {
  const isTaken = outside.statx(AT_FDCWD, `${root}/${id}`).stat !== undefined
  return isTaken || cgroup === undefined || removeEmptyCgroup(outside, cgroup.path, LATE_MS)
}

/** Lets the keeper clear away, waits for it, and looks whether all is gone. Returns the failure to report. */
export function cleanUp(
  runtime: Runtime,
  { plan }: Prepared,
  hostResources: HostResources,
  executor: Executor,
  failure: unknown,
): unknown {
  const { outside, root } = runtime
  const error = executor.children().length > 0 ? explainedByMemory(outside, hostResources.cgroup, failure) : failure
  executor.control.close()
  executor.guard.close()
  const keeper = executor.wait()
  const lost = keeper?.signal === SIGALRM
  if (keeper?.signal !== undefined && !lost) replaceKeeper(runtime, plan, hostResources, executor)
  for (const child of executor.children()) outside.wait(child, 0, 'any')
  leaveResctrl(outside, hostResources.resctrl)
  if (executor.children().length > 0) releaseScope(hostResources.cgroup, error)
  if (error instanceof Failure && lost && !removeLate(runtime, plan, hostResources))
    error.cleanup.push(new Failure(`the cgroup of \`${plan.id}\` (state in \`${root}\`) could not be removed`))
  // The hooks of the kinds before may have set things up; runtime.md#lifecycle goes on to poststop from every failure.
  const isMadeAgain = error instanceof MountDetour
  if (executor.children().length > 0 && !isMadeAgain) runPoststop(runtime, plan.hooks.poststop, { ...plan, pid: 0 })
  return error
}

/** Lets the keeper clear away what is to be made once more, in another way: nothing has happened in the container. */
export function cleanUpSpawn({ outside }: Runtime, executor: Executor): void {
  executor.control.close()
  executor.guard.close()
  executor.wait()
  for (const child of executor.children()) outside.wait(child, 0, 'any')
}
