import { CLONE_NEWCGROUP } from '../../native/abi/sched.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { encode } from '../../native/utf8.ts'
import { ConfigError } from '../errors.ts'
import { lacksMountCalls } from '../host/denied.ts'
import type { ContainerPlan } from '../plan/container.ts'
import { mapsId } from '../plan/namespaces/idMappings.ts'
import { withoutMounts } from '../plan/namespaces/namespaces.ts'
import { canMountByPath, mountByPath } from '../rootfs/mountByPath.ts'
import { openLabels } from './facilities/labels.ts'
import type { Making } from './hostResources.ts'
import { enterNamespaces } from './namespaces.ts'
import { adjustOwnOomScore } from './process/limits.ts'
import { resetAffinity } from './process/scheduling.ts'
import { ownedPathsOf } from './underKeeper.ts'

/** It waits for the planner; `pid` waits for its birth, and gives its number on the host. */
export type SpawnedProcess = ReturnType<typeof spawnInNamespaces>

/** The first process, in the container's namespaces and with their names. Errors come when it is asked for something. */
export function spawnInNamespaces({ runtime, prepared, hostResources, executor }: Making) {
  const { plan, privileged } = prepared
  const { namespaces } = plan
  const { joins, sources } = hostResources
  const { kernel: inside } = executor
  const owned = ownedPathsOf(plan, hostResources)
  const made = sources.root?.namespace === undefined ? namespaces : withoutMounts(namespaces)
  adjustOwnOomScore(executor, plan.process?.oomScoreAdj, prepared.rootless)
  const { pid, setgroupsAllowed } = runtime.phase('namespaces', () =>
    enterNamespaces(runtime, executor, owned, made, joins, privileged),
  )
  if (setgroupsAllowed) requireMappedGroups(plan)
  if (lacksMountCalls(runtime.outside) && canMountByPath(plan)) mountByPath(inside)
  inside.notDumpable() // from here on processes of other containers may be able to see this one
  inside.setsid()
  resetAffinity(inside)
  if (namespaces.create.has('cgroup')) inside.unshare(CLONE_NEWCGROUP, 'a cgroup namespace') // it is in its cgroup now
  if (namespaces.create.has('network')) inside.interfaceUp('lo')
  nameHost(executor, plan)
  return {
    pid,
    setgroupsAllowed,
    labels: plan.process && openLabels(inside, plan.process),
    notify: plan.notify ? inside.unixDatagramSocket().take() : undefined,
  }
}

/** Where no groups can be set, those of the configuration are left out, as with crun. Errors: ConfigError. */
function requireMappedGroups({ namespaces: { create, gidMappings }, process }: ContainerPlan): void {
  if (!create.has('user') || gidMappings.length === 0) return
  for (const [index, gid] of (process?.additionalGids ?? []).entries())
    if (!mapsId(gidMappings, gid))
      throw new ConfigError(
        `the id ${gid} is in no entry of /linux/gidMappings`,
        `/process/user/additionalGids/${index}`,
      )
}

function nameHost({ kernel: inside }: Executor, { hostname, domainname }: ContainerPlan): void {
  if (hostname !== undefined) inside.sethostname(hostname, encode(hostname).length)
  if (domainname !== undefined) inside.setdomainname(domainname, encode(domainname).length)
}
