import type { Executor } from '../../native/executor/launch.ts'
import { FEW } from '../../native/kernels/executor.ts'
import { lastAtTheirPlaces } from '../rootfs/fewFiles.ts'
import { hasManyModes, type MountSite } from '../rootfs/mounts.ts'
import { fillRoot, nullDeviceFor, placeRoot, protectPaths } from '../rootfs/rootfs.ts'
import type { Runtime } from '../runtime.ts'
import { takeOwnNull } from '../streams/nullStreams.ts'
import { hasCreateHooks } from './hooks/createHooks.ts'
import type { HostResources, Making } from './hostResources.ts'
import type { Prepared } from './prepare.ts'
import { completeEnvironment } from './process/prepareProcess.ts'

/** `check` waits for what mounting has to say; `answers` asks, if it has not been asked, what the program's start depends on. */
export type Contents = ReturnType<typeof makeContents>

/**
 * The root file system with all that is mounted in it, still beside the host's, and what is asked about it. Hooks may change
 * what is in it; without them one exchange does for the mounts and for these questions.
 */
export function makeContents({ runtime, prepared, hostResources, executor }: Making) {
  const { plan } = prepared
  const made = runtime.phase('mounts and devices', () => makeRoot(runtime, executor, prepared, hostResources))
  const { root, nullDevice } = made
  const ask = () => ({
    protect: protectPaths(root, plan, nullDevice),
    env: plan.process && completeEnvironment(root, plan.process),
    takeNull: plan.process && !plan.process.terminal && takeOwnNull(root, runtime.outside, prepared.request.stdio),
  })
  const asked = hasCreateHooks(plan.hooks) ? undefined : ask()
  return { ...made, answers: () => asked ?? ask() }
}

/** The root file system with all that is mounted in it, still beside the host's. */
function makeRoot({ warn }: Runtime, executor: Executor, { plan, fewFiles }: Prepared, hostResources: HostResources) {
  const { root, check: checkRoot } = placeRoot(executor, plan, hostResources.sources)
  const site = {
    ...mountSite(executor, hostResources),
    modesLate: hasManyModes(plan.mounts) ? [] : undefined,
    isMany: plan.mounts.length > FEW,
    isLast: fewFiles ? lastAtTheirPlaces(plan) : undefined,
  }
  const checkDevices = fillRoot(root, plan, site, warn)
  const check = () => {
    checkRoot()
    checkDevices()
  }
  return { root, site, check, nullDevice: nullDeviceFor(root, plan) }
}

/** What mounting in a container's root needs. */
export function mountSite(executor: Executor, { sources, cgroup }: HostResources): MountSite {
  return { executor, sources, cgroupMount: cgroup?.mount, cgroup: cgroup?.path, readonlyLate: [] }
}
