import { CLONE_NEWCGROUP, CLONE_NEWNS } from '../../native/abi/sched.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import { FEW } from '../../native/kernels/executor.ts'
import { encode } from '../../native/utf8.ts'
import { attachDeviceFilter, loadDeviceFilter } from '../cgroup/deviceFilter.ts'
import { applyResources } from '../cgroup/resources.ts'
import { isErrno } from '../errors.ts'
import { detourOfMounts, lacksMountCalls } from '../host/denied.ts'
import { keepsOriginalGroups } from '../plan/annotations.ts'
import type { ContainerPlan } from '../plan/container.ts'
import { isOwn, withoutMounts } from '../plan/namespaces/namespaces.ts'
import type { ProcessPlan } from '../plan/process/process.ts'
import type { ContainerRoot } from '../rootfs/containerRoot.ts'
import { lastAtTheirPlaces, sourcesInTurn } from '../rootfs/fewFiles.ts'
import { openManySources, plainBinds, sourcesForKeeper } from '../rootfs/manySources.ts'
import { canMountByPath, mountByPath } from '../rootfs/mountByPath.ts'
import { hasManyModes, type MountSite } from '../rootfs/mounts.ts'
import { enterRoot, fillRoot, finishRoot, nullDeviceFor, placeRoot, protectPaths } from '../rootfs/rootfs.ts'
import { isShared } from '../rootfs/sources.ts'
import type { Runtime } from '../runtime.ts'
import { type ContainerRecord, START_SOCKET } from '../state/record.ts'
import type { ConsoleRoute } from '../streams/consoleRoute.ts'
import { takeOwnNull } from '../streams/nullStreams.ts'
import { bindConsole, giveTerminal } from '../streams/terminal.ts'
import { closeAllBut } from './closeAllBut.ts'
import { describe, openDirectory } from './containerDirectory.ts'
import { joinSessionKeyring } from './facilities/keyring.ts'
import { type Labels, labelFiles, openLabels } from './facilities/labels.ts'
import { moveNetDevices } from './facilities/netDevices.ts'
import { bindNotifySocket } from './facilities/notify.ts'
import { enterResctrl } from './facilities/resctrl.ts'
import { writeSysctls } from './facilities/sysctl.ts'
import { hasCreateHooks, runCreateHooks } from './hooks/createHooks.ts'
import type { HookOutput } from './hooks/hooks.ts'
import { type HostResources, lastingFds, pack } from './hostResources.ts'
import { withMountNamespace } from './mountNamespace.ts'
import { enterNamespaces } from './namespaces.ts'
import type { Prepared } from './prepare.ts'
import { adjustOomScore, applyLimits, withCallerLimit } from './process/limits.ts'
import {
  completeEnvironment,
  type Executable,
  enterWorkingDirectory,
  findExecutable,
} from './process/prepareProcess.ts'
import { applyInherited, applyScheduling, resetAffinity } from './process/scheduling.ts'
import { ownedPathsOf, underKeeper } from './underKeeper.ts'

/** The program that the first process becomes. */
export type PlannedProgram = ProcessPlan & { readonly executable: Executable }

/** A container that is complete but for its program: what is left is the tail. */
export interface BuiltContainer {
  readonly plan: ContainerPlan
  readonly executor: Executor
  readonly record: ContainerRecord
  /** The container's directory, locked. */
  readonly directory: Fd<'outside'>
  /** The socket on which the first process waits for `start`, and where hooks print. */
  readonly listener: Fd<'inside'>
  readonly hookOutput: HookOutput
  /** Binds that socket in the container's directory. */
  listen(): void
  /** Undefined for a configuration without a process, which can be created but not started. */
  readonly program: PlannedProgram | undefined
  readonly setgroupsAllowed: boolean
  readonly labels: Labels | undefined
  /** The executor's socket for sd_notify(3). */
  readonly notify: Fd<'inside'> | undefined
  /** The connection to the seccomp agent. */
  readonly agent: Fd<'inside'> | undefined
  /** Who is to get the first process's pidfd. */
  readonly pidfdSocket: Fd<'outside'> | undefined
  /**
   * To be called when the tail is recorded: waits for what comes before it, and refuses a program that can not be executed.
   * Returns the terminal's master, when it is this process that holds it; whoever takes it closes it.
   */
  confirm(): Fd<'outside'> | undefined
}

/**
 * Builds a container up to the moment before its program and hands it to `use`. Whatever fails in there, the keeper takes
 * back all that was made. Where a call that makes mounts turns out to be denied, all of it is done once more, without.
 */
export function buildContainer<T>(runtime: Runtime, prepared: Prepared, use: (built: BuiltContainer) => T): T {
  try {
    return buildOnce(runtime, prepared, use)
  } catch (error) {
    if (holdsNamespace(error) && !prepared.sourcesInCopy)
      return buildContainer(runtime, { ...prepared, sourcesInCopy: true }, use)
    const detour = detourOfMounts(runtime.outside, error)
    if (detour === undefined) throw error
    if (!canMountByPath(prepared.plan)) throw detour.failure
    return buildOnce(runtime, prepared, use)
  }
}

/**
 * A mount namespace that a file holds (snapd: /run/snapd/ns/NAME.mnt) may not be mounted in a younger one, as it would be with the
 * tree that has it. What copies a mount namespace leaves it out.
 */
function holdsNamespace(error: unknown): boolean {
  return isErrno(error, 'ELOOP') && error.call === 'move_mount'
}

function buildOnce<T>(runtime: Runtime, prepared: Prepared, use: (built: BuiltContainer) => T): T {
  using fds = new Fds()
  const inTurn = prepared.fewFiles ? sourcesInTurn(prepared.plan) : []
  const all = (plan: ContainerPlan) => plainBinds(plan, !runtime.inUserNamespace)
  const forKeeper = prepared.sourcesInCopy ? all : sourcesForKeeper
  const leave = inTurn.length > 0 ? () => inTurn : forKeeper
  const hostResources = runtime.phase('open what is on the host', () => {
    const packed = pack(runtime, prepared, fds, leave)
    return { ...packed, sources: withMountNamespace(runtime, prepared, packed.sources, fds) }
  })
  return underKeeper(runtime, prepared, hostResources, [], (executor, packed) => {
    const hostResources = inTurn.length > 0 ? packed : withManySources(executor, prepared, packed)
    return use(build({ runtime, prepared, hostResources, executor, fds }))
  })
}

/** With the sources that were left to the keeper, which has been asked for nothing else yet. */
function withManySources(executor: Executor, { plan, sourcesInCopy }: Prepared, packed: HostResources): HostResources {
  const { sources } = packed
  if (!sources.left?.length) return packed
  if (sourcesInCopy) executor.kernel.unshare(CLONE_NEWNS, 'a mount namespace')
  const inherited = openManySources(executor, sources.left, isShared(plan))
  return { ...packed, sources: { ...sources, inherited } }
}

/** Who and what makes a container. */
interface Making {
  readonly runtime: Runtime
  readonly prepared: Prepared
  readonly hostResources: HostResources
  readonly executor: Executor
  readonly fds: Fds
}

/**
 * The recipe. The executor works while the planner goes on: `begin` sends off what is queued, and what is asked of the
 * first process comes in when it is needed.
 */
function build(making: Making): BuiltContainer {
  const { runtime, prepared, hostResources, executor } = making
  const { plan } = prepared
  const { kernel: inside } = executor
  const hookOutput = hookOutputOf(executor, hostResources)

  const first = spawnInNamespaces(making)
  const contents = makeContents(making)
  inside.begin()
  const placed = placeOnHost(making, first)
  runtime.phase('mounts and devices', () => {
    inside.flush()
    contents.check()
  })
  runCreateHooks(runtime, executor, contents.root, plan.hooks, placed.record, hookOutput, hostResources.hookOutput)
  const { program, checkPlaces } = runtime.phase('change the root, find the program', () => {
    const inner = changeRoot(making, first, contents, placed)
    inside.begin()
    return inner
  })

  const { record, directory } = placed
  return {
    plan,
    executor,
    record,
    directory,
    listener: executor.passed(hostResources.listener),
    hookOutput,
    // Through the descriptor: the path of a socket must be shorter than 108 bytes.
    listen: () => runtime.outside.listenAt(hostResources.listener, `/proc/self/fd/${directory.number}/${START_SOCKET}`),
    program,
    setgroupsAllowed: first.setgroupsAllowed && !keepsOriginalGroups(plan.annotations),
    labels: first.labels,
    notify: first.notify,
    agent: hostResources.agent && executor.passed(hostResources.agent),
    pidfdSocket: hostResources.pidfdSocket,
    confirm: () => {
      inside.flush()
      checkPlaces()
      program?.executable.confirm()
      return hostResources.console?.receive?.()
    },
  }
}

function hookOutputOf({ passed }: Executor, { hookFiles, hookOutput }: HostResources): HookOutput {
  const { stdout, stderr } = hookFiles
  const memory = passed(hookOutput)
  return { stdout: stdout ? passed(stdout) : memory, stderr: stderr ? passed(stderr) : memory, memory }
}

/** The first process in the container's namespaces, with their names. */
function spawnInNamespaces({ runtime, prepared, hostResources, executor }: Making) {
  const { plan, privileged } = prepared
  const { namespaces } = plan
  const { joins, sources } = hostResources
  const { kernel: inside } = executor
  const owned = ownedPathsOf(plan, hostResources)
  const made = sources.root?.namespace === undefined ? namespaces : withoutMounts(namespaces)
  const { pid, setgroupsAllowed } = runtime.phase('namespaces', () =>
    enterNamespaces(runtime, executor, owned, made, joins, privileged),
  )
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

/**
 * The root file system with all that is mounted in it, still beside the host's, and what is asked about it. Hooks may change
 * what is in it; without them one exchange does for the mounts and for these questions.
 */
function makeContents({ runtime, prepared, hostResources, executor }: Making) {
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

/** What the host has of a first process: cgroup, limits, devices of the network, and the directory with its record. */
function placeOnHost(
  { runtime, prepared, hostResources, executor, fds }: Making,
  first: { readonly pid: () => number },
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

/** Masks, the container's root, and the program in it. Of what leads to the host nothing stays open but what the tail needs. */
function changeRoot(
  { prepared, hostResources, executor }: Making,
  { labels, notify }: ReturnType<typeof spawnInNamespaces>,
  { root, site, answers }: ReturnType<typeof makeContents>,
  { record, rlimits }: ReturnType<typeof placeOnHost>,
): { program: PlannedProgram | undefined; checkPlaces: () => void } {
  const { plan } = prepared
  const { kernel: inside } = executor
  const { protect, env: complete, takeNull } = answers()
  const env = complete?.() // its files are closed below
  if (takeNull) takeNull()()
  protect()
  enterRoot(root, plan, hostResources.sources)
  if (notify && plan.notify) bindNotifySocket(root, notify, plan.notify)
  if (hostResources.console) openTerminal(executor, root, plan, hostResources.console)
  writeSysctls(inside, plan.sysctl)
  applyInherited(inside, plan)
  if (plan.process) enterWorkingDirectory(root, plan.process.cwd)
  const executable = plan.process && findExecutable(inside, plan.process)
  finishRoot(root, plan, site)
  const checkPlaces = root.checkPlaces([...plan.maskedPaths, ...plan.readonlyPaths])
  if (plan.process && record.keyring !== undefined) joinSessionKeyring(inside, record.keyring, labels)
  const lasting = lastingFds(hostResources, plan.hooks).map(fd => executor.passed(fd))
  closeAllBut(executor, [...lasting, ...labelFiles(labels), ...(notify ? [notify] : [])])
  const program = plan.process && { ...plan.process, env: env!, rlimits: rlimits!, executable: executable! }
  return { program, checkPlaces }
}

/** In the container's own root, where the terminal's path is the one that the program will see. */
function openTerminal(executor: Executor, root: ContainerRoot, plan: ContainerPlan, route: ConsoleRoute): void {
  const { terminal, uid } = plan.process!
  const peer = giveTerminal(executor, root, terminal!, uid, route)
  if (isOwn(plan.namespaces, 'mount')) bindConsole(root, peer)
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

function nameHost({ kernel: inside }: Executor, { hostname, domainname }: ContainerPlan): void {
  if (hostname !== undefined) inside.sethostname(hostname, encode(hostname).length)
  if (domainname !== undefined) inside.setdomainname(domainname, encode(domainname).length)
}

/** Applies limits and scheduling; returns the limits that are left for the tail. */
function limit(runtime: Runtime, { callerLimit }: Prepared, plan: ProcessPlan, pid: number): ProcessPlan['rlimits'] {
  applyLimits(runtime, pid, plan)
  applyScheduling(runtime.outside, pid, plan)
  return withCallerLimit(runtime, pid, plan.rlimits, callerLimit)
}
