import { attachDeviceFilter, loadDeviceFilter } from '../cgroup/deviceFilter.ts'
import { applyResources } from '../cgroup/resources.ts'
import type { ProcessPlan } from '../plan/process/process.ts'
import type { Runtime } from '../runtime.ts'
import { describe, openDirectory } from './containerDirectory.ts'
import { moveNetDevices } from './facilities/netDevices.ts'
import { enterResctrl } from './facilities/resctrl.ts'
import type { SpawnedProcess } from './firstProcess.ts'
import type { Making } from './hostResources.ts'
import type { Prepared } from './prepare.ts'
import { adjustOomScore, applyLimits, withCallerLimit } from './process/limits.ts'
import { applyScheduling } from './process/scheduling.ts'

/** What is known then: the container's directory, locked, its record, and limits that are left for the tail. */
export type PlacedOnHost = ReturnType<typeof placeOnHost>

/**
 * What the host has of a first process: cgroup, limits, devices of the network, and the directory with its record. Errors:
 * KernelError, HostError.
 */
export function placeOnHost(
  { runtime, prepared, hostResources, executor, fds }: Making,
  first: Pick<SpawnedProcess, 'pid'>,
) {
  const { outside } = runtime
  const { plan, rootless } = prepared
  const { cgroup, resctrl } = hostResources
  const filter = runtime.phase('device filter', () => cgroup && loadDeviceFilter(outside, plan.deviceRules, fds))
  const pid = runtime.phase('first process', first.pid)
  adjustOomScore(outside, pid, plan.process?.oomScoreAdj, rootless)
  if (resctrl) enterResctrl(outside, resctrl, pid)
  moveNetDevices(outside, executor.kernel, pid, plan.netDevices)
  const directory = runtime.phase('directory', () => openDirectory(runtime, prepared, hostResources, fds))
  const record = describe(runtime, prepared, pid, hostResources)
  if (cgroup) applyResources(outside, cgroup, plan, pid, rootless)
  if (filter) attachDeviceFilter(outside, cgroup!.path, filter, rootless)
  return { directory, record, rlimits: plan.process && limit(runtime, prepared, plan.process, pid) }
}

/** Applies limits and scheduling; returns the limits that are left for the tail. */
function limit(runtime: Runtime, { callerLimit }: Prepared, plan: ProcessPlan, pid: number): ProcessPlan['rlimits'] {
  applyLimits(runtime, pid, plan)
  applyScheduling(runtime.outside, pid, plan)
  return withCallerLimit(runtime, pid, plan.rlimits, callerLimit)
}
