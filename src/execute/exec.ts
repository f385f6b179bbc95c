import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../native/abi/fcntl.ts'
import { CLONE_NEWUSER } from '../../native/abi/sched.ts'
import { SIGKILL } from '../../native/abi/signal.ts'
import { type Executor, launchExecutor } from '../../native/executor/launch.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing, StateError } from '../errors.ts'
import { type MembershipPlan, planMembership } from '../plan/container.ts'
import { type ProcessPlan, withListenFds } from '../plan/process.ts'
import type { Runtime } from '../runtime.ts'
import { isAlive } from '../state/status.ts'
import type { Program } from './build.ts'
import { ContainerRoot } from './containerRoot.ts'
import { type Entrance, enterContainer, foreignNamespaces, openRootOf } from './enter.ts'
import { openExecCgroup } from './execCgroup.ts'
import { awaitExit, catchSignals, type RunningProgram } from './foreground.ts'
import { lastCapability } from './host.ts'
import { becomeProcess } from './identity.ts'
import { setgroupsAllowed } from './idMaps.ts'
import { joinSessionKeyring } from './keyring.ts'
import { openLabels } from './labels.ts'
import { adjustOomScore, applyLimits, withCallerLimit } from './limits.ts'
import { removePidFile, writePidFile } from './pidFile.ts'
import { type ExecRequest, type PreparedExec, prepareExec, STOPPED } from './prepareExec.ts'
import { completeEnvironment, findExecutable } from './prepareProcess.ts'
import { joinResctrl } from './resctrl.ts'
import { applyFinalAffinity, applyInherited, applyInitialAffinity, applyScheduling } from './scheduling.ts'
import { connectAgent, loadFilter } from './seccomp.ts'
import { awaitProgram, recordTail } from './tail.ts'
import { connectSocket } from './unixSocket.ts'

export type { ExecRequest } from './prepareExec.ts'

type Running = Pick<RunningProgram, 'pid' | 'pidfd' | 'signals'>

/**
 * Runs another program in a container. In the foreground it passes signals on, waits for the program, and resolves to its
 * exit code, 128 + n after a signal n; detached it resolves to 0 when the program runs. Errors: StateError when the
 * container is not there to be entered, ConfigError, UsageError, KernelError; nothing is left of the program then.
 */
export async function execContainer(runtime: Runtime, request: ExecRequest): Promise<number> {
  using fds = new Fds()
  const prepared = prepareExec(runtime, request, fds)
  const program = startedOrGone(runtime, prepared, () => startProgram(runtime, prepared, fds))
  return request.detach ? 0 : await runtime.phase('wait', () => awaitExit(runtime, program))
}

/** Whatever a container that stops meanwhile makes fail, the reason is that it stopped. */
function startedOrGone<T>({ outside }: Runtime, { record }: PreparedExec, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw isAlive(outside, record) ? error : new StateError(STOPPED)
  }
}

/** What is opened on the host before there is an executor, to be handed to it. */
interface Baggage {
  readonly entrance: Entrance
  /** For the labels of the process. */
  readonly procfs: Fd | undefined
  readonly agent: Fd | undefined
  /** Stays with the planner. */
  readonly pidfdSocket: Fd | undefined
}

function startProgram(runtime: Runtime, prepared: PreparedExec, fds: Fds): Running {
  const { host, outside, makeCalls } = runtime
  const membership = planMembership(prepared.config, { id: prepared.record.id, arch: host.arch })
  const baggage = runtime.phase('open what is on the host', () => pack(runtime, prepared, membership, fds))
  const executor = runtime.phase('spawn the executor', () =>
    launchExecutor(host, outside, { inherited: 3 + prepared.preserveFds, gifts: gifts(baggage), makeCalls }),
  )
  try {
    return start(runtime, prepared, membership, baggage, executor, fds)
  } catch (error) {
    abandon(runtime, executor)
    throw error
  } finally {
    executor.release()
    outside.wait(executor.pid, 0, 'any')
  }
}

function pack(runtime: Runtime, prepared: PreparedExec, { seccomp }: MembershipPlan, fds: Fds): Baggage {
  const { outside } = runtime
  const { record, request, config, process, pidfd, privileged } = prepared
  const keep = (fd: Fd | undefined) => fd && fds.keep(fd)
  const ownMounts = config.linux?.namespaces?.some(({ type }) => type === 'mount')
  const labelled = process.apparmorProfile !== undefined || process.selinuxLabel !== undefined
  const entrance = {
    pidfd,
    namespaces: doing('namespaces', () => foreignNamespaces(outside, record.pid)),
    root: ownMounts ? undefined : fds.keep(openRootOf(outside, record.pid)),
    cgroup: doing('cgroup', () => keep(openExecCgroup(outside, record, request.cgroup))),
    privileged,
  }
  return {
    entrance,
    procfs: labelled ? fds.keep(outside.openat(AT_FDCWD, '/proc', O_PATH | O_DIRECTORY)) : undefined,
    agent: keep(seccomp?.agent && connectAgent(outside, seccomp.agent)),
    pidfdSocket: keep(openPidfdSocket(runtime, request)),
  }
}

function openPidfdSocket({ outside, absolute }: Runtime, { pidfdSocket }: ExecRequest): Fd | undefined {
  return pidfdSocket === undefined
    ? undefined
    : doing('--pidfd-socket', () => connectSocket(outside, absolute(pidfdSocket), {}))
}

function gifts({ entrance, procfs, agent }: Baggage): Fd[] {
  return defined([agent, procfs, entrance.pidfd, entrance.root, entrance.cgroup])
}

/** The recipe. The executor works while the planner goes on, see build.ts. */
function start(
  runtime: Runtime,
  prepared: PreparedExec,
  membership: MembershipPlan,
  baggage: Baggage,
  executor: Executor,
  fds: Fds,
): Running {
  const { outside } = runtime
  const { kernel: inside } = executor
  const { process, record, request } = prepared
  const number = (fd: Fd | undefined) => fd && executor.gifts.get(fd)
  const [agent, procfs] = [number(baggage.agent), number(baggage.procfs)]

  applyInitialAffinity(inside, process.execAffinity)
  const born = enterContainer(executor, baggage.entrance, defined([agent, procfs]))
  applyFinalAffinity(inside, process.execAffinity)
  const labels = openLabels(inside, process, procfs)
  if (procfs !== undefined) inside.later({ name: 'close', args: [procfs] })
  if (!record.noNewKeyring) joinSessionKeyring(inside, record.id, labels)
  applyInherited(inside, membership)
  const found = findProgram(inside, process)
  inside.begin()
  const facts = {
    setgroupsAllowed: (baggage.entrance.namespaces & CLONE_NEWUSER) === 0 || setgroupsAllowed(runtime, record.pid),
    lastCapability: lastCapability(outside),
    labels,
  }
  const pid = runtime.phase('enter the container', born)
  const pidfd = fds.keep(outside.pidfdOpen(pid))
  const program = applyOutside(runtime, prepared, membership, pid, found())

  const tail = runtime.phase('tail', () =>
    recordTail(executor, (tail, accompany) => {
      const { seccomp } = membership
      const filtered = { executor, record, agent, execPid: pid }
      const load = seccomp && (() => loadFilter(filtered, seccomp, accompany))
      becomeProcess(tail, program, program.executable, { ...facts, loadFilter: load })
    }),
  )
  if (baggage.pidfdSocket) outside.sendDescriptor(baggage.pidfdSocket, 'setns', pidfd)
  const signals = catchSignals(runtime, request)
  writePidFile(runtime, request, pid)
  try {
    runtime.phase('start', () => {
      executor.calls.send(tail)
      awaitProgram(outside, executor.control)
    })
  } catch (error) {
    removePidFile(runtime, request)
    throw error
  }
  return { pid, pidfd, signals }
}

function defined<T>(list: readonly (T | undefined)[]): T[] {
  return list.filter(entry => entry !== undefined)
}

/**
 * Goes to the working directory and finds the executable, whose root is the container's from here on; what it returns gives
 * the answers. No magic link is followed: /proc/self/fd/N leads to what a runtime has open (CVE-2024-21626).
 */
function findProgram(inside: Kernel, process: ProcessPlan): () => Pick<Program, 'env' | 'executable'> {
  const root = new ContainerRoot(inside, inside.openat(AT_FDCWD, '/', O_PATH | O_DIRECTORY).take())
  const env = completeEnvironment(root, process)
  doing(`working directory \`${process.cwd}\``, () => inside.fchdir(root.open(process.cwd, O_DIRECTORY)))
  const executable = findExecutable(inside, process)
  return () => ({ env: env(), executable: executable() })
}

/** What only the host's privileges allow, or only the host knows. */
function applyOutside(
  runtime: Runtime,
  { process, listenFds }: PreparedExec,
  { resctrl }: MembershipPlan,
  pid: number,
  { env, executable }: Pick<Program, 'env' | 'executable'>,
): Program {
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
function pidInside(outside: Kernel, pid: number): number {
  const numbers = /^NSpid:(.*)$/m.exec(outside.readTextIfAny(AT_FDCWD, `/proc/${pid}/status`) ?? '')?.[1]
  return Number(numbers?.trim().split(/\s+/).at(-1) ?? pid)
}

/** Nothing is left of the process. It may be frozen, so it would not go by itself; who bears it has to be gone before. */
function abandon({ outside }: Runtime, executor: Executor): void {
  executor.control.close()
  executor.guard.close()
  outside.wait(executor.pid, 0, 'any')
  for (const child of executor.children()) {
    outside.now({ name: 'kill', args: [child, SIGKILL], tolerate: 'any' })
    outside.wait(child, 0, 'any')
  }
}
