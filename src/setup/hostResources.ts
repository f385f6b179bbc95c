import type { Executor } from '../../native/executor/launch.ts'
import type { Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Hooks } from '../../spec/generated/config.ts'
import { type CgroupSite, openCgroupSite, refuseLimits } from '../cgroup/cgroup.ts'
import { cgroupMark, rootIdentity } from '../cgroup/mark.ts'
import { openScopeSite } from '../cgroup/systemd/scope.ts'
import { doing, isErrno } from '../errors.ts'
import type { ContainerPlan } from '../plan/container.ts'
import { type OpenJoin, withJoinedFilesystems } from '../rootfs/joinedFilesystems.ts'
import type { sourcesForKeeper } from '../rootfs/manySources.ts'
import { openSources, type Sources } from '../rootfs/sources.ts'
import type { Runtime } from '../runtime.ts'
import { openRoot } from '../state/store.ts'
import { type ConsoleRoute, openConsoleRoute } from '../streams/consoleRoute.ts'
import { openPidfdSocket } from '../streams/pidfdSocket.ts'
import { openResctrl, type ResctrlSite } from './facilities/resctrl.ts'
import { connectAgent } from './facilities/seccomp.ts'
import { refuseHostSysctls } from './facilities/sysctl.ts'
import { type HookFiles, openHookFiles } from './hooks/hookFiles.ts'
import { openJoins } from './namespaces.ts'
import type { Prepared } from './prepare.ts'
import { idTaken } from './spawn.ts'

/** What is opened on the host before there is an executor, to be handed to it. */
export interface HostResources {
  readonly containers: Fd<'outside'>
  readonly listener: Fd<'outside'>
  /** What hooks inside print, and where they do so instead. */
  readonly hookOutput: Fd<'outside'>
  readonly hookFiles: HookFiles
  readonly agent: Fd<'outside'> | undefined
  readonly cgroup: CgroupSite | undefined
  readonly resctrl: ResctrlSite | undefined
  readonly joins: readonly OpenJoin[]
  /** Where the master of the terminal goes, when there is one. */
  readonly console: ConsoleRoute | undefined
  readonly sources: Sources
  /** Who is sent the pidfd of the first process. */
  readonly pidfdSocket: Fd<'outside'> | undefined
}

/** Who and what makes a container. */
export interface Making {
  readonly runtime: Runtime
  readonly prepared: Prepared
  readonly hostResources: HostResources
  readonly executor: Executor
  readonly fds: Fds
}

const nothing: typeof sourcesForKeeper = () => []

/** Opens it, but for those sources that `leave` leaves to the keeper. The descriptors belong to `fds`. */
export function pack(runtime: Runtime, prepared: Prepared, fds: Fds, leave = nothing): HostResources {
  const { request, plan, privileged } = prepared
  const { outside } = runtime
  const containers = fds.keep(openRoot(outside, runtime.root))
  refuseTaken(outside, containers, plan.id)
  const cgroup = packCgroup(runtime, prepared, containers, fds)
  const joins = openJoins(outside, plan.namespaces, fds)
  refuseHostSysctls(outside, plan.sysctl, joins)
  const hostResources = {
    containers,
    cgroup,
    joins,
    sources: withJoinedFilesystems(
      openSources(runtime, plan, privileged, fds, leave(plan, outside)),
      runtime,
      plan,
      joins,
      fds,
    ),
    listener: fds.keep(outside.unixSocket()),
    hookOutput: fds.keep(outside.memoryFile('output')),
    hookFiles: hasHooksInside(plan.hooks)
      ? openHookFiles(runtime, plan, fds)
      : { stdout: undefined, stderr: undefined },
    agent: plan.seccomp?.agent && fds.keep(connectAgent(outside, plan.seccomp.agent)),
    pidfdSocket: openPidfdSocket(runtime, pidfdReceiver(prepared), fds),
    console: plan.process?.terminal && openConsoleRoute(runtime, request.consoleSocket, fds),
  }
  // Last, since it may make something; see leaveResctrl.
  return { ...hostResources, resctrl: plan.resctrl && openResctrl(outside, plan.resctrl, fds) }
}

/** Without any no file is made for what they print. Those of the host open it themselves. */
function hasHooksInside({ createContainer, startContainer }: ContainerPlan['hooks']): boolean {
  return Boolean(createContainer?.length || startContainer?.length)
}

/** An annotation of crun's, for engines that have no option for it. */
const PIDFD_RECEIVER = 'run.oci.pidfd_receiver'

function pidfdReceiver({ request, plan }: Prepared): string | undefined {
  return request.pidfdSocket ?? plan.annotations?.[PIDFD_RECEIVER]
}

/** The keeper's mkdir decides; this is for the message, before something else is found to be in use. */
function refuseTaken(outside: Kernel<'outside'>, containers: Fd<'outside'>, id: string): void {
  if (outside.statx(containers, id).stat !== undefined) throw idTaken(id)
}

/** Who removes empty cgroups comes by now and then, not all the time. */
export const REMOVED_ATTEMPTS = 10

/** A cgroup that is in use belongs to the container of another create with this id, when that was faster. */
export function packCgroup(
  runtime: Runtime,
  { plan, rootless }: Prepared,
  containers: Fd<'outside'>,
  fds: Fds,
): CgroupSite | undefined {
  try {
    return doing('cgroup', () => openCgroup(runtime, plan, rootless, containers, fds))
  } catch (error) {
    refuseTaken(runtime.outside, containers, plan.id)
    throw error
  }
}

function openCgroup(
  runtime: Runtime,
  plan: ContainerPlan,
  rootless: boolean,
  containers: Fd<'outside'>,
  fds: Fds,
): CgroupSite | undefined {
  if (runtime.cgroupManager === 'disabled') return refuseLimits(plan.resources)
  if (plan.scope) return openScopeSite(runtime, plan.scope, plan.resources, fds)
  const { outside, root } = runtime
  const own = { root: rootIdentity(outside, containers)!, path: `${root}/${plan.id}` }
  const site = thoughRemoved(() => openCgroupSite(outside, plan, rootless, own))
  if (site?.owned === undefined) return site
  fds.keep(site.owned.parent)
  const mark = cgroupMark(own)
  return { ...site, owned: { ...site.owned, mark } }
}

/** Does it once more when somebody has removed a cgroup that was empty, between two steps. */
function thoughRemoved<T>(work: () => T, attempts = REMOVED_ATTEMPTS): T {
  try {
    return work()
  } catch (error) {
    if (attempts === 1 || !isErrno(error, 'ENOENT', 'ENODEV')) throw error
    return thoughRemoved(work, attempts - 1)
  }
}

/** What of it stays open for the tail, in which startContainer hooks print. */
export function lastingFds(hostResources: HostResources, { startContainer }: Hooks): Fd<'outside'>[] {
  const { listener, agent } = hostResources
  return [listener, ...(startContainer?.length ? hookOutputs(hostResources) : []), ...(agent ? [agent] : [])]
}

function hookOutputs({ hookOutput, hookFiles }: HostResources): Fd<'outside'>[] {
  return [hookOutput, hookFiles.stdout, hookFiles.stderr].filter(fd => fd !== undefined)
}

/** What of it goes to the executor. */
export function passed(hostResources: HostResources): Fd<'outside'>[] {
  const { listener, agent, containers, console, cgroup, resctrl, joins, sources } = hostResources
  const parents = [...(cgroup?.owned ? [cgroup.owned.parent] : []), ...(resctrl ? [resctrl.root] : [])]
  const others = [containers, ...(agent ? [agent] : []), ...(console ? [console.passedFd] : []), ...parents]
  return [listener, ...hookOutputs(hostResources), ...others, ...joins.map(join => join.fd), ...sources.passed]
}
