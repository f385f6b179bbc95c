import { O_WRONLY } from '../../native/abi/fcntl.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { Fds } from '../../native/fd.ts'
import { ExecutorDeath } from '../../native/kernels/executor.ts'
import { openExecCgroup } from '../cgroup/execCgroup.ts'
import { doing, HostError, isErrno, StateError } from '../errors.ts'
import { byAnotherWay, Detour, detour, detourOfMounts, lacksMountCalls } from '../host/denied.ts'
import { withExecutor } from '../host/withExecutor.ts'
import type { Runtime } from '../runtime.ts'
import { dismissWarden, type Entrance, leave } from '../setup/enter/enter.ts'
import {
  type EnteredProcess,
  enterProcess,
  type ExecResources,
  openExecResources,
  passedOf,
} from '../setup/enter/enterProcess.ts'
import { type ExecRequest, type PreparedExec, prepareExec, STOPPED } from '../setup/enter/prepareExec.ts'
import { isKilledAtSpawn, KilledAtSpawn } from '../setup/spawn.ts'
import { awaitProgram, recordTail } from '../setup/tail.ts'
import { isAlive } from '../state/status.ts'
import { ForegroundTerminal } from '../streams/foregroundTerminal.ts'
import { sendPidfd } from '../streams/pidfdSocket.ts'
import { removePidFile, writePidFile } from '../streams/pidFile.ts'
import { ownUid, Streams } from '../streams/streams.ts'
import { awaitExit, catchSignals, endingSignals, type RunningProgram } from './foreground.ts'

export type { ExecRequest } from '../setup/enter/prepareExec.ts'

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
  const program = startedOrGone(runtime, prepared, () => startProgram({ runtime, prepared, terminal, streams, fds }))
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
  const program = startedOrGone(runtime, prepared, () => startProgram({ runtime, prepared, terminal, streams, fds }))
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

interface Running extends Omit<RunningProgram, 'cgroup'> {
  /** Waits for what is left of the executor, which may end beside the program. */
  forget(): void
}

/** What a program is started with. */
interface Execution {
  readonly runtime: Runtime
  readonly prepared: PreparedExec
  readonly terminal: ForegroundTerminal
  readonly streams: Streams
  readonly fds: Fds
}

/** By the way into the cgroup that works here: its child is born there, or the executor moves there itself before. */
function startProgram(execution: Execution): Running {
  const { runtime, prepared, fds } = execution
  const { outside } = runtime
  const { record, request, privileged } = prepared
  const hostResources = runtime.phase('open what is on the host', () => openExecResources(runtime, prepared, fds))
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
  return byAnotherWay(lacksMountCalls(outside) ? moving : born, other, way =>
    startIn(execution, { ...hostResources, entrance: { ...hostResources.entrance, ...way() } }),
  )
}

function startIn(execution: Execution, hostResources: ExecResources): Running {
  const { runtime, prepared, streams } = execution
  const { outside } = runtime
  const { inherited, request } = prepared
  const { cgroup } = hostResources.entrance
  const start = (executor: Executor) => {
    cgroup?.close() // To unmount it, as its last close does, takes long: that is for the warden.
    try {
      const entered = enterProcess(runtime, prepared, hostResources, executor, streams)
      giveStreams(streams, prepared)
      const running = execute(execution, entered, hostResources, executor)
      dismissWarden(outside, executor)
      return { ...running, forget: () => void outside.wait(executor.pid, 0, 'any') }
    } catch (error) {
      throw cgroup !== undefined && isKilledAtSpawn(outside, executor)
        ? new KilledAtSpawn('the process was killed when it was born')
        : (detour(outside, error) ?? error)
    }
  }
  const options = { inherited, stdio: request.stdio, passed: passedOf(hostResources) }
  return withExecutor(runtime, options, start, (_, executor, failed) =>
    failed ? leave(outside, executor) : executor.release(),
  )
}

/** What leads out of the container becomes the user's. */
function giveStreams(streams: Streams, { request, config, process, privileged }: PreparedExec): void {
  if (process.terminal !== undefined) return
  const { namespaces, uidMappings = [] } = config.linux ?? {}
  const isMapped = namespaces?.some(({ type }) => type === 'user') ?? false
  streams.give(ownUid(process.uid, isMapped, uidMappings, privileged), request.stdio, !request.detach)
}

/** Hands over the tail, and returns when the program runs. */
function execute(
  { runtime, prepared, terminal, fds }: Execution,
  { pid, become, confirm }: EnteredProcess,
  { console, pidfdSocket }: ExecResources,
  executor: Executor,
): Omit<Running, 'forget'> {
  const { outside } = runtime
  const { request } = prepared
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
