import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../../native/abi/fcntl.ts'
import { CLONE_NEWUSER } from '../../../native/abi/sched.ts'
import type { Executor } from '../../../native/executor/launch.ts'
import type { Fd, Fds } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { doing } from '../../errors.ts'
import { lastCapability } from '../../host/host.ts'
import { keepsOriginalGroups } from '../../plan/annotations.ts'
import { type ProcessPlan, withListenFds } from '../../plan/process/process.ts'
import { ContainerRoot } from '../../rootfs/containerRoot.ts'
import type { Runtime } from '../../runtime.ts'
import type { ContainerRecord } from '../../state/record.ts'
import { type ConsoleRoute, openConsoleRoute } from '../../streams/consoleRoute.ts'
import { takeOwnNull } from '../../streams/nullStreams.ts'
import { openPidfdSocket } from '../../streams/pidfdSocket.ts'
import type { Streams } from '../../streams/streams.ts'
import { giveTerminal } from '../../streams/terminal.ts'
import { joinSessionKeyring, keyringName } from '../facilities/keyring.ts'
import { openLabels } from '../facilities/labels.ts'
import { joinResctrl } from '../facilities/resctrl.ts'
import { connectAgent, loadFilter } from '../facilities/seccomp.ts'
import { ownProcfs } from '../facilities/sysctl.ts'
import { setgroupsAllowed, setgroupsAllowedBelow } from '../idMaps.ts'
import { becomeProcess } from '../process/identity.ts'
import { adjustOomScore, adjustOwnOomScore, applyLimits, withCallerLimit } from '../process/limits.ts'
import {
  completeEnvironment,
  findExecutable,
  openWorkingDirectory,
  type PlannedProgram,
} from '../process/prepareProcess.ts'
import { applyFinalAffinity, applyInherited, applyInitialAffinity, applyScheduling } from '../process/scheduling.ts'
import type { HelperChain } from '../tail.ts'
import { type Entrance, enterContainer, needsHostProcfs, openRootOf } from './enter.ts'
import type { PreparedExec } from './prepareExec.ts'
import { threadToEnter } from './threadToEnter.ts'

/** What is opened on the host before there is an executor, to be handed to it. */
export interface ExecResources {
  readonly entrance: Entrance
  /** For the labels of the process, where it may not have a procfs of its own. */
  readonly procfs: Fd<'outside'> | undefined
  readonly agent: Fd<'outside'> | undefined
  readonly console: ConsoleRoute | undefined
  /** Stays with the planner. */
  readonly pidfdSocket: Fd<'outside'> | undefined
}

/** A process in the container that waits for its tail. */
export interface EnteredProcess {
  readonly pid: number
  /** Records the tail. */
  readonly become: (addHelper: (helper: HelperChain) => void) => void
  /** To be called then: waits for what comes before it, and refuses a program that can not be executed. */
  readonly confirm: () => void
}

/** Opens what entering the container takes; `fds` keeps it. Errors: StateError when the container stops meanwhile, KernelError. */
export function openExecResources(runtime: Runtime, prepared: PreparedExec, fds: Fds): ExecResources {
  const { outside } = runtime
  const { record, request, config, process, pidfd, privileged, membership } = prepared
  const { seccomp } = membership
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

/** What of that the executor is to have. */
export function passedOf({ entrance, procfs, agent, console }: ExecResources): Fd<'outside'>[] {
  return defined([agent, procfs, console?.passedFd, entrance.pidfd, entrance.root, entrance.cgroup, entrance.processes])
}

/**
 * The recipe: `executor` enters the container, where a child of it is born that becomes the process of `prepared`. The
 * executor works while the planner goes on, see build.ts. Errors: ConfigError, HostError, KernelError.
 */
export function enterProcess(
  runtime: Runtime,
  prepared: PreparedExec,
  hostResources: ExecResources,
  executor: Executor,
  streams: Streams,
): EnteredProcess {
  const { kernel: inside } = executor
  const { process, record, membership } = prepared
  const given = (fd: Fd<'outside'> | undefined) => fd && executor.passed(fd)
  const [agent, ...passing] = [hostResources.agent, hostResources.procfs, hostResources.console?.passedFd].map(given)

  adjustOwnOomScore(executor, process.oomScoreAdj, runtime.rootless)
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
  const program = applyOutside(runtime, prepared, pid, found())
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
  const isOurs = (namespaces & CLONE_NEWUSER) === 0
  const allowed = isOurs ? setgroupsAllowedBelow(runtime) : setgroupsAllowed(runtime, pid)
  return {
    setgroupsAllowed: allowed && !keepsOriginalGroups(annotations),
    lastCapability: lastCapability(runtime.outside),
  }
}

function isLabelled({ apparmorProfile, selinuxLabel }: ProcessPlan): boolean {
  return apparmorProfile !== undefined || selinuxLabel !== undefined
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
  { process, listenFds, membership }: PreparedExec,
  pid: number,
  { env, executable }: Pick<PlannedProgram, 'env' | 'executable'>,
): PlannedProgram {
  const { outside, rootless } = runtime
  adjustOomScore(outside, pid, process.oomScoreAdj, rootless)
  if (membership.resctrl) joinResctrl(outside, membership.resctrl, pid)
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

function defined<T>(list: readonly (T | undefined)[]): T[] {
  return list.filter(entry => entry !== undefined)
}
