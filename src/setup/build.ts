import { LOCK_EX, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } from '../../native/abi/fcntl.ts'
import { CLONE_NEWCGROUP } from '../../native/abi/sched.ts'
import { type Executor, launchExecutor } from '../../native/executor/launch.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import { encode } from '../../native/utf8.ts'
import { cgroupId } from '../cgroup/cgroup.ts'
import { attachDeviceFilter, loadDeviceFilter } from '../cgroup/deviceFilter.ts'
import { applyResources } from '../cgroup/resources.ts'
import { type Failure, HostError } from '../errors.ts'
import { Detour, detour } from '../host/denied.ts'
import { keepsOriginalGroups } from '../plan/annotations.ts'
import type { ContainerPlan } from '../plan/container.ts'
import { isOwn } from '../plan/namespaces/namespaces.ts'
import type { ProcessPlan } from '../plan/process/process.ts'
import type { ContainerRoot } from '../rootfs/containerRoot.ts'
import type { MountSite } from '../rootfs/mounts.ts'
import { enterRoot, fillRoot, finishRoot, nullDeviceFor, placeRoot, protectPaths } from '../rootfs/rootfs.ts'
import type { Runtime } from '../runtime.ts'
import { CONFIG_FILE, type ContainerRecord, START_SOCKET } from '../state/record.ts'
import { processStat } from '../state/status.ts'
import type { ConsoleRoute } from '../streams/consoleRoute.ts'
import { bindConsole, giveTerminal } from '../streams/terminal.ts'
import { cleanUp, cleanUpSpawn } from './cleanUp.ts'
import { closeAllBut } from './closeAllBut.ts'
import { joinSessionKeyring, keyringName } from './facilities/keyring.ts'
import { type Labels, labelFiles, openLabels } from './facilities/labels.ts'
import { moveNetDevices } from './facilities/netDevices.ts'
import { bindNotifySocket } from './facilities/notify.ts'
import { enterResctrl, leaveResctrl, resctrlDirectories } from './facilities/resctrl.ts'
import { writeSysctls } from './facilities/sysctl.ts'
import { hasCreateHooks, runCreateHooks } from './hooks/createHooks.ts'
import type { HookOutput } from './hooks/hooks.ts'
import { type HostResources, lastingFds, pack, passed } from './hostResources.ts'
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
import { dismissKeeper, idTaken, isKilledAtSpawn, isTaken, KilledAtSpawn, type OwnedPaths } from './spawn.ts'

/** The program that the first process becomes. */
export type Program = ProcessPlan & { readonly executable: Executable }

/** A container that is complete but for its program: what is left is the tail. */
export interface BuiltContainer {
  readonly plan: ContainerPlan
  readonly executor: Executor
  readonly record: ContainerRecord
  /** The container's directory, locked. */
  readonly directory: Fd
  /** In the executor: the socket on which the first process waits for `start`, and where hooks print. */
  readonly listener: number
  readonly hookOutput: HookOutput
  /** Binds that socket in the container's directory. */
  listen(): void
  /** Undefined for a configuration without a process, which can be created but not started. */
  readonly program: Program | undefined
  readonly setgroupsAllowed: boolean
  readonly labels: Labels | undefined
  /** The executor's socket for sd_notify(3). */
  readonly notify: Fd | undefined
  /** In the executor: the connection to the seccomp agent. */
  readonly agent: number | undefined
  /** Who is to get the first process's pidfd. */
  readonly pidfdSocket: Fd | undefined
  /**
   * To be called when the tail is recorded: waits for what comes before it, and refuses a program that can not be executed.
   * Returns the terminal's master, when it is this process that holds it; whoever takes it closes it.
   */
  confirm(): Fd | undefined
}

/**
 * Builds a container up to the moment before its program and hands it to `use`. Whatever fails in there, the keeper takes
 * back all that was made.
 */
export function buildContainer<T>(runtime: Runtime, prepared: Prepared, use: (built: BuiltContainer) => T): T {
  using fds = new Fds()
  const hostResources = runtime.phase('open what is on the host', () => pack(runtime, prepared, fds))
  return underKeeper(runtime, prepared, hostResources, [], (executor, hostResources) =>
    use(build(runtime, prepared, hostResources, executor, fds)),
  )
}

/**
 * Launches an executor for a new container, with `more` passed descriptors, and has `work` make the container with it. Whatever fails
 * in there, the keeper, which giveBirth() has made of the executor, takes back all that was made.
 */
export function underKeeper<T>(
  runtime: Runtime,
  prepared: Prepared,
  hostResources: HostResources,
  more: readonly Fd[],
  work: (executor: Executor, hostResources: HostResources) => T,
): T {
  try {
    return underOneKeeper(runtime, prepared, hostResources, more, work)
  } catch (error) {
    const { cgroup } = hostResources
    if (error instanceof Detour) return underKeeper(runtime, prepared, hostResources, more, work)
    if (!(error instanceof KilledAtSpawn) || cgroup?.owned === undefined) throw error
    const moving = { ...hostResources, cgroup: { ...cgroup, owned: { ...cgroup.owned, moves: true } } }
    return underKeeper(runtime, prepared, moving, more, work)
  }
}

function underOneKeeper<T>(
  runtime: Runtime,
  prepared: Prepared,
  hostResources: HostResources,
  more: readonly Fd[],
  work: (executor: Executor, hostResources: HostResources) => T,
): T {
  const executor = runtime.phase('spawn the executor', () => launch(runtime, prepared, hostResources, more))
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
    const reason = isTaken(error, prepared.plan.id) ? idTaken(prepared.plan.id) : error
    throw cleanUp(runtime, prepared, hostResources, executor, reason)
  } finally {
    executor.release()
    runtime.outside.wait(executor.pid, 0, 'any')
  }
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
  return detour(outside, failure)
}

function launch(
  runtime: Runtime,
  { inherited, request }: Prepared,
  hostResources: HostResources,
  more: readonly Fd[],
): Executor {
  const { host, outside, makeCalls } = runtime
  try {
    const all = [...passed(hostResources), ...more]
    const { stdio } = request
    return launchExecutor(host, outside, { inherited, stdio, passed: all, makeCalls })
  } catch (error) {
    leaveResctrl(outside, hostResources.resctrl)
    throw error
  }
}

/**
 * The recipe. The executor works while the planner goes on: `begin` sends off what is queued, and what is asked of the
 * first process comes in when it is needed.
 */
function build(
  runtime: Runtime,
  prepared: Prepared,
  hostResources: HostResources,
  executor: Executor,
  fds: Fds,
): BuiltContainer {
  const { outside } = runtime
  const { plan, rootless } = prepared
  const { kernel: inside } = executor
  const { namespaces, hooks } = plan
  const lasting = (fd: Fd) => executor.passed.get(fd)!
  const { stdout, stderr } = hostResources.hookFiles
  const memory = lasting(hostResources.hookOutput)
  const hookOutput = { stdout: stdout ? lasting(stdout) : memory, stderr: stderr ? lasting(stderr) : memory, memory }

  const firstProcess = runtime.phase('namespaces', () =>
    enterNamespaces(
      runtime,
      executor,
      ownedPathsOf(plan, hostResources),
      namespaces,
      hostResources.joins,
      prepared.privileged,
    ),
  )
  inside.notDumpable() // from here on processes of other containers may be able to see this one
  inside.setsid()
  resetAffinity(inside)
  if (namespaces.create.has('cgroup')) inside.unshare(CLONE_NEWCGROUP, 'a cgroup namespace') // it is in its cgroup now
  if (namespaces.create.has('network')) inside.interfaceUp('lo')
  nameHost(executor, plan)
  const labels = plan.process && openLabels(inside, plan.process)
  const notify = plan.notifies ? inside.unixDatagramSocket().take() : undefined

  const { root, site, check, nullDevice } = runtime.phase('mounts and devices', () =>
    makeRoot(runtime, executor, plan, hostResources),
  )
  // Hooks may change what is in the root; without them one exchange does for the mounts and for these questions.
  const ask = () => ({
    protect: protectPaths(root, plan, nullDevice),
    env: plan.process && completeEnvironment(root, plan.process),
  })
  const asked = hasCreateHooks(hooks) ? undefined : ask()
  inside.begin()
  const filter = runtime.phase(
    'device filter',
    () => hostResources.cgroup && loadDeviceFilter(outside, plan.deviceRules, fds),
  )
  const pid = runtime.phase('first process', firstProcess.pid)
  adjustOomScore(outside, pid, plan.process?.oomScoreAdj, rootless)
  if (hostResources.resctrl) enterResctrl(outside, hostResources.resctrl, pid)
  moveNetDevices(outside, inside, pid, plan.netDevices)

  const directory = runtime.phase('directory', () => openDirectory(runtime, prepared, hostResources, fds))
  const record = describe(runtime, prepared, pid, hostResources)
  if (hostResources.cgroup) applyResources(outside, hostResources.cgroup, plan, pid, rootless)
  if (filter) attachDeviceFilter(outside, hostResources.cgroup!.path, filter, rootless)
  const rlimits = plan.process && limit(runtime, prepared, plan.process, pid)
  runtime.phase('mounts and devices', () => {
    inside.flush()
    check()
  })
  runCreateHooks(runtime, executor, root, hooks, record, hookOutput, hostResources.hookOutput)
  let checkPlaces: () => void
  const program = runtime.phase('change the root, find the program', () => {
    const { protect, env: complete } = asked ?? ask()
    const env = complete?.() // its files are closed below
    protect()
    enterRoot(root, plan)
    if (notify) bindNotifySocket(root, notify)
    if (hostResources.console) openTerminal(executor, root, plan, hostResources.console)
    writeSysctls(inside, plan.sysctl)
    applyInherited(inside, plan)
    if (plan.process) enterWorkingDirectory(root, plan.process.cwd)
    const executable = plan.process && findExecutable(inside, plan.process)
    finishRoot(root, plan, site)
    checkPlaces = root.checkPlaces([...plan.maskedPaths, ...plan.readonlyPaths])
    if (plan.process && record.keyring !== undefined) joinSessionKeyring(inside, record.keyring, labels)
    const kept = [...labelFiles(labels), ...(notify ? [notify.number] : [])]
    closeAllBut(executor, [...lastingFds(hostResources, hooks).map(lasting), ...kept])
    inside.begin()
    return plan.process && { ...plan.process, env: env!, rlimits: rlimits!, executable: executable! }
  })

  return {
    plan,
    executor,
    record,
    directory,
    listener: lasting(hostResources.listener),
    hookOutput,
    // Through the descriptor: the path of a socket must be shorter than 108 bytes.
    listen: () => outside.listenAt(hostResources.listener, `/proc/self/fd/${directory.number}/${START_SOCKET}`),
    program,
    setgroupsAllowed: firstProcess.setgroupsAllowed && !keepsOriginalGroups(plan.annotations),
    labels,
    notify,
    agent: hostResources.agent && lasting(hostResources.agent),
    pidfdSocket: hostResources.pidfdSocket,
    confirm: () => {
      inside.flush()
      checkPlaces()
      program?.executable.confirm()
      return hostResources.console?.receive?.()
    },
  }
}

/** What the keeper of a container makes and guards. */
export function ownedPathsOf({ id }: ContainerPlan, { containers, cgroup, resctrl }: HostResources): OwnedPaths {
  return { root: containers, id, cgroup: cgroup?.owned, resctrl, enterScope: cgroup?.enterScope }
}

/** In the container's own root, where the terminal's path is the one that the program will see. */
function openTerminal(executor: Executor, root: ContainerRoot, plan: ContainerPlan, route: ConsoleRoute): void {
  const { terminal, uid } = plan.process!
  const peer = giveTerminal(executor, root, terminal!, uid, route)
  if (isOwn(plan.namespaces, 'mount')) bindConsole(root, peer)
}

/** The root file system with all that is mounted in it, still beside the host's. */
function makeRoot({ warn }: Runtime, executor: Executor, plan: ContainerPlan, hostResources: HostResources) {
  const { root, check: checkRoot } = placeRoot(executor, plan, hostResources.sources)
  const site = mountSite(executor, hostResources)
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

/** The directory was made by the keeper; the lock is ours until the command ends. */
export function openDirectory(
  { outside }: Runtime,
  { plan, configText }: Prepared,
  { containers }: HostResources,
  fds: Fds,
): Fd {
  const directory = fds.keep(outside.openat(containers, plan.id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
  outside.flock(directory, LOCK_EX)
  using config = outside.openat(directory, CONFIG_FILE, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  outside.writeAll(config, encode(configText))
  return directory
}

/** What is kept about a container whose first process is there. */
export function describe(
  runtime: Runtime,
  { plan, request }: Prepared,
  pid: number,
  { cgroup, resctrl }: HostResources,
): ContainerRecord {
  const { outside } = runtime
  const stat = processStat(outside, pid)
  if (stat === undefined) throw new HostError('the first process is gone; was it killed for lack of memory?')
  return {
    id: plan.id,
    ociVersion: plan.ociVersion,
    bundle: plan.bundle,
    rootfs: plan.rootfs,
    created: new Date().toISOString(),
    uid: outside.effectiveIds().uid,
    pid,
    startTime: stat.startTime,
    ...(cgroup && { cgroup: cgroup.path, cgroupId: cgroupId(outside, cgroup.path) }),
    ...(cgroup?.unit && { unit: cgroup.unit }),
    ...(resctrl && { resctrl: resctrlDirectories(resctrl) }),
    ...(!plan.namespaces.create.has('pid') && { sharedPidNamespace: true }),
    ...(plan.process === undefined && { withoutProcess: true }),
    ...(plan.notifies && { notifies: true }),
    ...((plan.hooks.poststart?.length || plan.hooks.poststop?.length) && { laterHooks: true }),
    ...(request.noNewKeyring ? { noNewKeyring: true } : { keyring: keyringName(outside, plan.id) }),
    ...(plan.annotations && { annotations: plan.annotations }),
  }
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
