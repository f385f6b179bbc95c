import { AT_FDCWD, O_DIRECTORY, O_PATH, O_WRONLY } from '../../native/abi/fcntl.ts'
import { CLONE_NEWUSER } from '../../native/abi/sched.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import { type Executor, launchExecutor } from '../../native/executor/launch.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { ExecutorDeath } from '../../native/kernels/executor.ts'
import { openExecCgroup } from '../cgroup/execCgroup.ts'
import { doing, HostError, isErrno, StateError } from '../errors.ts'
import { byAnotherWay, Detour, detour, detourOfMounts, lacksMountCalls } from '../host/denied.ts'
import { lastCapability } from '../host/host.ts'
import { keepsOriginalGroups } from '../plan/annotations.ts'
import { type MembershipPlan, planMembership } from '../plan/container.ts'
import { type ProcessPlan, withListenFds } from '../plan/process/process.ts'
import { ContainerRoot } from '../rootfs/containerRoot.ts'
import type { Runtime } from '../runtime.ts'
import type { PlannedProgram } from '../setup/build.ts'
import { dismissWarden, enterContainer, type Entrance, leave, needsHostProcfs, openRootOf } from '../setup/enter.ts'
import { joinSessionKeyring, keyringName } from '../setup/facilities/keyring.ts'
import { openLabels } from '../setup/facilities/labels.ts'
import { joinResctrl } from '../setup/facilities/resctrl.ts'
import { connectAgent, loadFilter } from '../setup/facilities/seccomp.ts'
import { ownProcfs } from '../setup/facilities/sysctl.ts'
import { setgroupsAllowed, setgroupsAllowedBelow } from '../setup/idMaps.ts'
import { type ExecRequest, type PreparedExec, prepareExec, STOPPED } from '../setup/prepareExec.ts'
import { becomeProcess } from '../setup/process/identity.ts'
import { adjustOomScore, applyLimits, withCallerLimit } from '../setup/process/limits.ts'
import { completeEnvironment, findExecutable, openWorkingDirectory } from '../setup/process/prepareProcess.ts'
import {
  applyFinalAffinity,
  applyInherited,
  applyInitialAffinity,
  applyScheduling,
} from '../setup/process/scheduling.ts'
import { isKilledAtSpawn, KilledAtSpawn } from '../setup/spawn.ts'
import { awaitProgram, type HelperChain, recordTail } from '../setup/tail.ts'
import { threadToEnter } from '../setup/threadToEnter.ts'
import type { ContainerRecord } from '../state/record.ts'
import { isAlive } from '../state/status.ts'
import { type ConsoleRoute, openConsoleRoute } from '../streams/consoleRoute.ts'
import { ForegroundTerminal } from '../streams/foregroundTerminal.ts'
import { takeOwnNull } from '../streams/nullStreams.ts'
import { openPidfdSocket, sendPidfd } from '../streams/pidfdSocket.ts'
import { removePidFile, writePidFile } from '../streams/pidFile.ts'
import { ownUid, Streams } from '../streams/streams.ts'
import { giveTerminal } from '../streams/terminal.ts'
import { awaitExit, catchSignals, endingSignals, type RunningProgram } from './foreground.ts'

export type { ExecRequest } from '../setup/prepareExec.ts'

/**
 * Runs another program in a container. In the foreground it passes signals on, waits for the program, and resolves to its
 * exit code, 128 + n after a signal n; detached it resolves to 0 when the program runs. Errors: StateError when the
 * container is not there to be entered, ConfigError, UsageError, KernelError; nothing is left of the program then.
 */
export async function execContainer(runtime: Runtime, request: ExecRequest): Promise<number> {
  using fds = new Fds()
  using terminal = new ForegroundTerminal(runtime)
  using streams = new Streams(runtime.outside)
  const prepared = prepareExec(runtime, request, fds)
  const program = startedOrGone(runtime, prepared, () => startProgram(runtime, prepared, terminal, streams, fds))
  const code = request.detach ? 0 : await runtime.phase('wait', () => awaitExit(runtime, program))
  program.forget()
  return code
}

/** As execContainer() detached, and gives the pid of the program: it is our child, and somebody has to wait for it. */
export function startExec(runtime: Runtime, request: ExecRequest): number {
  using fds = new Fds()
  using terminal = new ForegroundTerminal(runtime)
  const streams = new Streams(runtime.outside)
  const prepared = prepareExec(runtime, { ...request, detach: true }, fds)
  const program = startedOrGone(runtime, prepared, () => startProgram(runtime, prepared, terminal, streams, fds))
  program.forget()
  return program.pid
}

/** Who kills a container's processes gets to its first one within this time. */
const DEATH_MS = 1000

/** Whatever a container that stops meanwhile makes fail, the reason is that it stopped. */
function startedOrGone<T>({ outside }: Runtime, { record, pidfd }: PreparedExec, work: () => T): T {
  try {
    return work()
  } catch (error) {
    // Killed while something of ours was on its way to it, the other end is a reset connection.
    const killed = error instanceof ExecutorDeath || isErrno(error, 'ECONNRESET') || isErrno(error, 'EPIPE')
    if (killed) outside.poll([{ fd: pidfd, events: POLLIN }], DEATH_MS)
    throw isAlive(outside, record) ? error : new StateError(STOPPED)
  }
}

/** What is opened on the host before there is an executor, to be handed to it. */
interface ExecResources {
  readonly entrance: Entrance
  /** For the labels of the process, where it may not have a procfs of its own. */
  readonly procfs: Fd<'outside'> | undefined
  readonly agent: Fd<'outside'> | undefined
  readonly console: ConsoleRoute | undefined
  /** Stays with the planner. */
  readonly pidfdSocket: Fd<'outside'> | undefined
}

interface Running extends Omit<RunningProgram, 'cgroup'> {
  /** Waits for what is left of the executor, which may end beside the program. */
  forget(): void
}

function startProgram(
  runtime: Runtime,
  prepared: PreparedExec,
  terminal: ForegroundTerminal,
  streams: Streams,
  fds: Fds,
): Running {
  const { host, outside } = runtime
  const membership = planMembership(prepared.config, { id: prepared.record.id, arch: host.arch })
  const { record, request, privileged } = prepared
  const hostResources = runtime.phase('open what is on the host', () => pack(runtime, prepared, membership, fds))
  type Way = () => Pick<Entrance, 'cgroup' | 'processes'>
  const born: Way = () => {
    const cgroup = doing('cgroup', () => openExecCgroup(outside, record, request.cgroup, privileged))
    return { cgroup: cgroup && fds.keep(cgroup) }
  }
  const moving: Way = () => {
    const cgroup = openExecCgroup(outside, record, request.cgroup, false)
    const processes = cgroup && fds.keep(outside.openat(fds.keep(cgroup), 'cgroup.procs', O_WRONLY))
    return { cgroup: undefined, processes }
  }
  const other = (failure: unknown) => {
    if (failure instanceof KilledAtSpawn || failure instanceof Detour) return moving
    return detourOfMounts(outside, failure) && moving
  }
  return byAnotherWay(lacksMountCalls(outside) ? moving : born, other, way => {
    const entrance = { ...hostResources.entrance, ...way() }
    return startIn(runtime, prepared, membership, { ...hostResources, entrance }, terminal, streams, fds)
  })
}

function startIn(
  runtime: Runtime,
  prepared: PreparedExec,
  membership: MembershipPlan,
  hostResources: ExecResources,
  terminal: ForegroundTerminal,
  streams: Streams,
  fds: Fds,
): Running {
  const { host, outside, makeCalls } = runtime
  const { inherited, request } = prepared
  const { stdio } = request
  const executor = runtime.phase('spawn the executor', () =>
    launchExecutor(host, outside, { inherited, stdio, passed: passed(hostResources), makeCalls }),
  )
  // To unmount it, as its last close does, takes long: that is for the warden.
  hostResources.entrance.cgroup?.close()
  try {
    const entered = enter(runtime, prepared, membership, hostResources, executor, streams)
    giveStreams(streams, prepared)
    const running = execute(runtime, prepared.request, entered, hostResources, executor, terminal, fds)
    dismissWarden(outside, executor)
    executor.release()
    return { ...running, forget: () => void outside.wait(executor.pid, 0, 'any') }
  } catch (error) {
    const killedAtSpawn = hostResources.entrance.cgroup !== undefined && isKilledAtSpawn(outside, executor)
    leave(outside, executor)
    throw killedAtSpawn
      ? new KilledAtSpawn('the process was killed when it was born')
      : (detour(outside, error) ?? error)
  }
}

function pack(runtime: Runtime, prepared: PreparedExec, { seccomp }: MembershipPlan, fds: Fds): ExecResources {
  const { outside } = runtime
  const { record, request, config, process, pidfd, privileged } = prepared
  const keep = (fd: Fd<'outside'> | undefined) => fd && fds.keep(fd)
  const ownMounts = config.linux?.namespaces?.some(({ type }) => type === 'mount')
  const labelled = isLabelled(process)
  const thread = threadToEnter(outside, record, pidfd, fds)
  const { namespaces } = thread
  const entrance = {
    pidfd: thread.pidfd,
    namespaces,
    root: ownMounts ? undefined : fds.keep(openRootOf(outside, thread)),
    cgroup: undefined,
    privileged,
  }
  return {
    entrance,
    procfs:
      labelled && needsHostProcfs(runtime, namespaces)
        ? fds.keep(outside.openat(AT_FDCWD, '/proc', O_PATH | O_DIRECTORY))
        : undefined,
    agent: keep(seccomp?.agent && connectAgent(outside, seccomp.agent)),
    console: process.terminal && openConsoleRoute(runtime, request.consoleSocket, fds),
    pidfdSocket: openPidfdSocket(runtime, request.pidfdSocket, fds),
  }
}

/** What leads out of the container becomes the user's. */
function giveStreams(streams: Streams, { request, config, process, privileged }: PreparedExec): void {
  if (process.terminal !== undefined) return
  const { namespaces, uidMappings = [] } = config.linux ?? {}
  const isMapped = namespaces?.some(({ type }) => type === 'user') ?? false
  streams.give(ownUid(process.uid, isMapped, uidMappings, privileged), request.stdio, !request.detach)
}

function isLabelled({ apparmorProfile, selinuxLabel }: ProcessPlan): boolean {
  return apparmorProfile !== undefined || selinuxLabel !== undefined
}

function passed({ entrance, procfs, agent, console }: ExecResources): Fd<'outside'>[] {
  return defined([agent, procfs, console?.passedFd, entrance.pidfd, entrance.root, entrance.cgroup, entrance.processes])
}

/** A process in the container that waits for its tail. */
interface Entered {
  readonly pid: number
  /** Records the tail. */
  readonly become: (addHelper: (helper: HelperChain) => void) => void
  /** To be called then: waits for what comes before it, and refuses a program that can not be executed. */
  readonly confirm: () => void
}

/** The recipe. The executor works while the planner goes on, see build.ts. */
function enter(
  runtime: Runtime,
  prepared: PreparedExec,
  membership: MembershipPlan,
  hostResources: ExecResources,
  executor: Executor,
  streams: Streams,
): Entered {
  const { kernel: inside } = executor
  const { process, record } = prepared
  const given = (fd: Fd<'outside'> | undefined) => fd && executor.passed(fd)
  const [agent, ...passing] = [hostResources.agent, hostResources.procfs, hostResources.console?.passedFd].map(given)

  applyInitialAffinity(inside, process.execAffinity)
  const born = enterContainer(executor, hostResources.entrance, defined([agent, ...passing]))
  applyFinalAffinity(inside, process.execAffinity)
  const root = new ContainerRoot(inside, inside.openat(AT_FDCWD, '/', O_PATH | O_DIRECTORY).take())
  const labels = isLabelled(process) ? openLabels(inside, process, passing[0] ?? ownProcfs(inside)) : undefined
  if (hostResources.console) giveTerminal(executor, root, process.terminal!, process.uid, hostResources.console)
  for (const passedFd of defined(passing)) inside.later({ name: 'close', args: [passedFd] })
  if (!record.noNewKeyring)
    joinSessionKeyring(inside, record.keyring ?? keyringName(runtime.outside, record.id), labels)
  applyInherited(inside, membership)
  const takeNull = process.terminal ? undefined : takeOwnNull(root, runtime.outside, prepared.request.stdio)
  const found = findProgram(root, process)
  inside.begin()
  const facts = { ...factsOf(runtime, hostResources.entrance, record), labels }
  const pid = runtime.phase('enter the container', born)
  const program = applyOutside(runtime, prepared, membership, pid, found())
  const putNull = takeNull?.()
  const filtered = { executor, record, agent, execPid: pid }
  return {
    pid,
    confirm: () => {
      inside.flush()
      program.executable.confirm()
    },
    become: addHelper => {
      const { seccomp } = membership
      putNull?.()
      const load = seccomp && (() => loadFilter(filtered, seccomp, addHelper))
      becomeProcess(inside, program, program.executable.path(), { ...facts, streams: streams.left, loadFilter: load })
    },
  }
}

function factsOf(runtime: Runtime, { namespaces }: Entrance, { pid, annotations }: ContainerRecord) {
  const allowed = ((namespaces & CLONE_NEWUSER) === 0 ? setgroupsAllowedBelow : setgroupsAllowed)(runtime, pid)
  return {
    setgroupsAllowed: allowed && !keepsOriginalGroups(annotations),
    lastCapability: lastCapability(runtime.outside),
  }
}

/** Hands over the tail, and returns when the program runs. */
function execute(
  runtime: Runtime,
  request: ExecRequest,
  { pid, become, confirm }: Entered,
  { console, pidfdSocket }: ExecResources,
  executor: Executor,
  terminal: ForegroundTerminal,
  fds: Fds,
): Omit<Running, 'forget'> {
  const { outside } = runtime
  const pidfd = fds.keep(outside.pidfdOpen(pid))
  if (!pidfd.exists) throw new HostError(`process ${pid} is gone; was it killed?`)
  const tail = runtime.phase('tail', () => recordTail(executor, 'planner', (_, addHelper) => become(addHelper)))
  confirm()
  const master = console?.receive?.()
  const signals = catchSignals(runtime, request, master !== undefined)
  if (master) terminal.begin(fds.keep(master))
  writePidFile(runtime, request, pid)
  try {
    runtime.phase('start', () => {
      executor.calls.send(tail.operations)
      // Not before: whoever gets it may end the process at once, which is no failure of ours.
      sendPidfd(runtime, pidfdSocket, 'setns', pidfd)
      const slow = () => executor.calls.tellSlow(tail.operations)
      awaitProgram(outside, executor.control, tail, slow, endingSignals(signals))
    })
  } catch (error) {
    removePidFile(runtime, request, pid)
    throw error
  }
  return { pid, pidfd, signals, terminal: master && terminal }
}

function defined<T>(list: readonly (T | undefined)[]): T[] {
  return list.filter(entry => entry !== undefined)
}

/**
 * Goes to the working directory and finds the executable; what it returns gives the answers. No magic link is followed:
 * /proc/self/fd/N leads to what a runtime has open (CVE-2024-21626).
 */
function findProgram(root: ContainerRoot, process: ProcessPlan): () => Pick<PlannedProgram, 'env' | 'executable'> {
  const { inside } = root
  const env = completeEnvironment(root, process)
  doing(`chdir to the working directory \`${process.cwd}\``, () =>
    inside.fchdir(openWorkingDirectory(root, process.cwd)),
  )
  const executable = findExecutable(inside, process)
  return () => ({ env: env(), executable })
}

/** What only the host's privileges allow, or only the host knows. */
function applyOutside(
  runtime: Runtime,
  { process, listenFds }: PreparedExec,
  { resctrl }: MembershipPlan,
  pid: number,
  { env, executable }: Pick<PlannedProgram, 'env' | 'executable'>,
): PlannedProgram {
  const { outside, rootless } = runtime
  adjustOomScore(outside, pid, process.oomScoreAdj, rootless)
  if (resctrl) joinResctrl(outside, resctrl, pid)
  applyLimits(runtime, pid, process)
  applyScheduling(outside, pid, process)
  return {
    ...process,
    executable,
    env: listenFds === 0 ? env : withListenFds(env, listenFds, pidInside(outside, pid)),
    rlimits: withCallerLimit(runtime, pid, process.rlimits),
  }
}

/** The last of the numbers that a process has, one for each pid namespace; see proc_pid_status(5). */
function pidInside(outside: Kernel<'outside'>, pid: number): number {
  const numbers = /^NSpid:(.*)$/m.exec(outside.readTextIfAny(AT_FDCWD, `/proc/${pid}/status`) ?? '')?.[1]
  return Number(numbers?.trim().split(/\s+/).at(-1) ?? pid)
}
