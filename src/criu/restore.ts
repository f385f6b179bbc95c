import { SIGKILL } from '../../native/abi/signal.ts'
import { __WALL } from '../../native/abi/wait.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import { decode } from '../../native/utf8.ts'
import { attachDeviceFilter, loadDeviceFilter } from '../cgroup/deviceFilter.ts'
import { applyResources } from '../cgroup/resources.ts'
import {
  catchSignals,
  endingSignals,
  type RunningProgram,
  type RunRequest,
  supervise,
} from '../container/foreground.ts'
import { pidsBelow } from '../container/ps.ts'
import { startedOrGone } from '../container/run.ts'
import { HostError, StateError, UsageError } from '../errors.ts'
import { readOwn } from '../host/callersFiles.ts'
import { isOwn } from '../plan/namespaces/namespaces.ts'
import { openSources } from '../rootfs/sources.ts'
import type { Runtime } from '../runtime.ts'
import { describe, openDirectory } from '../setup/containerDirectory.ts'
import { enterResctrl } from '../setup/facilities/resctrl.ts'
import { runHooks } from '../setup/hooks/hooks.ts'
import { type HostResources, pack } from '../setup/hostResources.ts'
import { prepare, type Prepared } from '../setup/prepare.ts'
import { underKeeper } from '../setup/underKeeper.ts'
import { writeRecord } from '../state/store.ts'
import { MASTER_NAME } from '../streams/consoleRoute.ts'
import { ForegroundTerminal } from '../streams/foregroundTerminal.ts'
import { writePidFile } from '../streams/pidFile.ts'
import { externalNamespaceKeys } from './checkpoint.ts'
import { converse, type Criu, type Notice, openLine } from './conversation.ts'
import {
  becomeCriu,
  type CheckpointPlaces,
  commonOptions,
  criuFailure,
  type CriuProgram,
  type CriuSettings,
  findCriu,
  openPlaces,
  placesFor,
  requireRelease,
} from './criu.ts'
import { DESCRIPTORS_FILE, inheritedStreams } from './descriptors.ts'
import { type RestoreMounts, setRestoreMounts } from './restoreMounts.ts'
import { type CriuOptions, type CriuResponse, REQUEST } from './rpc.ts'

export interface RestoreRequest extends RunRequest, CriuSettings {
  /** Connections are closed instead of continued. */
  readonly tcpClose?: boolean
  /** `TYPE:LABEL` instead of the profile that the processes had. */
  readonly lsmProfile?: string | undefined
  /** SELinux context for the mounts. */
  readonly lsmMountContext?: string | undefined
}

const LOG_FILE = 'restore.log'

/** What is at hand while a container is restored. */
interface Restoring {
  readonly runtime: Runtime
  readonly request: RestoreRequest
  readonly prepared: Prepared
  readonly hostResources: HostResources
  readonly places: CheckpointPlaces
  /** Which of our own streams takes whose place. */
  readonly streams: readonly Inherited[]
  readonly fds: Fds
}

/** The number of a descriptor that CRIU has, and the name in the checkpoint of what it replaces. */
interface Inherited {
  readonly key: string
  readonly fd: number
}

/** The same for a namespace, which is a passed descriptor. */
interface OpenNamespace {
  readonly key: string
  readonly fd: Fd<'inside'>
}

/**
 * Makes a container of a checkpoint; its processes go on where they were. In the foreground it waits for the end, deletes
 * the container and resolves to the exit code, as run does. Errors: those of create, and HostError with what CRIU says;
 * nothing is left behind.
 *
 * What create does step by step is CRIU's work here. The keeper makes directory and cgroup and spawns, into the cgroup and
 * a mount namespace of its own, the process that becomes CRIU. So CRIU and all that it restores goes when the keeper
 * clears away, and what is mounted for CRIU goes with that namespace. The first process becomes a child of ours.
 */
export async function restoreContainer(runtime: Runtime, request: RestoreRequest): Promise<number> {
  const criu = findCriu(runtime)
  const prepared = prepare(runtime, request, !request.detach)
  checkPlan(prepared)
  using fds = new Fds()
  using terminal = new ForegroundTerminal(runtime)
  const places = openPlaces(runtime, request, LOG_FILE, false, fds)
  const program = withLog(runtime, places, () => {
    const streams = readStreams(runtime, places, request.stdio)
    requireReleases(runtime, criu, request)
    const hostResources = runtime.phase('open what is on the host', () => pack(runtime, prepared, fds))
    if (request.manageCgroupsMode === 'strict' && hostResources.cgroup?.owned?.exists)
      throw new HostError(
        `cgroup \`${hostResources.cgroup.path}\` exists, which --manage-cgroups-mode strict does not allow`,
      )
    return restore({ runtime, request, prepared, hostResources, places, streams, fds }, criu, terminal)
  })
  startedOrGone(runtime, request.id)
  if (request.detach) return 0
  return await runtime.phase('wait and delete', () => supervise(runtime, request, program))
}

/** CRIU's log comes to where it was asked for, whatever becomes of the rest. */
function withLog<T>({ warn }: Runtime, places: CheckpointPlaces, work: () => T): T {
  try {
    return work()
  } finally {
    try {
      places.finish()
    } catch (error) {
      warn(`--work-path: ${error instanceof Error ? error.message : error}`)
    }
  }
}

function requireReleases(runtime: Runtime, criu: CriuProgram, request: RestoreRequest): void {
  const { lsmProfile, lsmMountContext, networkLock } = request
  if (lsmProfile ?? lsmMountContext)
    requireRelease(runtime, criu, 'lsmProfile', '--lsm-profile and --lsm-mount-context')
  if (networkLock) requireRelease(runtime, criu, 'networkLock', '--network-lock')
}

/** The recipe. */
function restore(site: Restoring, criu: CriuProgram, terminal: ForegroundTerminal): RunningProgram {
  const { runtime, prepared, hostResources, fds } = site
  const { outside } = runtime
  const offered = openSources(runtime, prepared.plan, prepared.privileged, fds)
  const { ours, theirs } = openLine(outside, fds)
  return underKeeper(runtime, prepared, hostResources, [theirs, ...offered.passed], (executor, hostResources) => {
    const restoreMounts = runtime.phase('mounts and devices', () =>
      setRestoreMounts(runtime, prepared, hostResources, offered, executor),
    )
    theirs.close() // not before: a child that is killed when it is born has a successor
    const pid = restoreMounts.pid()
    const directory = openDirectory(runtime, prepared, hostResources, fds)
    const namespaces = inheritedNamespaces(hostResources, executor)
    const kept = namespaces.map(({ fd }) => fd)
    const opts = restoreOptions(site, restoreMounts, namespaces)
    becomeCriu(outside, executor, criu, executor.passed(theirs), kept)

    const restoration = new Restoration(site, directory, terminal)
    const pidfd = fds.keep(outside.pidfdOpen(pid, []))
    const answer = runtime.phase('restore', () => restoration.perform({ line: ours, pidfd }, opts))
    ours.close()
    outside.wait(pid, __WALL, 'any')
    return restoration.finish(answer)
  })
}

function checkPlan({ plan }: Prepared): void {
  if (plan.process === undefined) throw new StateError('cannot restore a container whose config.json has no process')
  if (!isOwn(plan.namespaces, 'mount'))
    throw new HostError('CRIU can not restore a container without a mount namespace of its own')
  const cgroup = plan.namespaces.join.find(({ type }) => type === 'cgroup')
  if (cgroup) throw new HostError(`CRIU can not restore into an existing cgroup namespace (\`${cgroup.path}\`)`)
}

function readStreams({ outside }: Runtime, { images }: CheckpointPlaces, stdio: RestoreRequest['stdio']): Inherited[] {
  const bytes = readOwn(outside, images, DESCRIPTORS_FILE)
  if (bytes === undefined)
    throw new UsageError(
      `--image-path: there is no checkpoint in \`${images.subject}\` (\`${DESCRIPTORS_FILE}\` is missing)`,
    )
  return inheritedStreams(outside, decode(bytes), stdio)
}

/** Namespaces that CRIU gets as open descriptors; see externalNamespaces(). */
function inheritedNamespaces({ joins }: HostResources, executor: Executor): OpenNamespace[] {
  return joins.flatMap(({ type, fd }) =>
    type === 'network' || type === 'pid' ? { key: externalNamespaceKeys[type], fd: executor.passed(fd) } : [],
  )
}

/** The kernel's short names, by which CRIU knows the others that are to be joined. */
const NAMESPACE_NAMES = { ipc: 'ipc', uts: 'uts', user: 'user', time: 'time', mount: 'mnt' } as const

function joinedNamespaces({ joins }: HostResources) {
  return joins.flatMap(({ type, path }) =>
    Object.hasOwn(NAMESPACE_NAMES, type)
      ? { ns: NAMESPACE_NAMES[type as keyof typeof NAMESPACE_NAMES], ns_file: path }
      : [],
  )
}

function restoreOptions(
  { runtime, request, prepared, hostResources, places, streams, fds }: Restoring,
  { pid, root, mounts }: RestoreMounts,
  namespaces: readonly OpenNamespace[],
): CriuOptions {
  const { outside } = runtime
  const { cgroup } = hostResources
  // No cgroup of that name was there: the keeper has made it. For CRIU there is one now.
  const manageCgroupsMode = request.manageCgroupsMode === 'strict' ? 'full' : request.manageCgroupsMode
  const settings = { ...request, ...(manageCgroupsMode && { manageCgroupsMode }) }
  return {
    ...commonOptions(outside, settings, placesFor(outside, pid(), places, fds), prepared.plan.annotations),
    root,
    rst_sibling: true,
    evasive_devices: true,
    tcp_close: request.tcpClose,
    lsm_profile: request.lsmProfile,
    lsm_mount_context: request.lsmMountContext,
    ext_mnt: mounts,
    inherit_fd: [...streams, ...namespaces.map(({ key, fd }) => ({ key, fd: fd.number }))],
    join_ns: joinedNamespaces(hostResources),
    // The empty controller is the tree of version 2, as in /proc/PID/cgroup.
    cg_root: cgroup && [{ ctrl: '', path: (cgroup.leaf ?? cgroup.path).slice(cgroup.mount.length) }],
  }
}

/** CRIU at work, and what is done when it says how far it is. */
class Restoration {
  readonly #site: Restoring
  readonly #directory: Fd<'outside'>
  readonly #terminal: ForegroundTerminal
  #program: RunningProgram | undefined

  constructor(site: Restoring, directory: Fd<'outside'>, terminal: ForegroundTerminal) {
    this.#site = site
    this.#directory = directory
    this.#terminal = terminal
  }

  perform(criu: Criu, opts: CriuOptions): CriuResponse {
    const { outside } = this.#site.runtime
    try {
      // Once they are caught for the program, signals would end nothing here any more.
      const ending = () => endingSignals(this.#program?.signals)
      return converse(outside, criu, { type: REQUEST.RESTORE, opts }, notice => this.#reactTo(notice), ending)
    } catch (error) {
      this.#kill()
      throw error
    }
  }

  /** The program that goes on. Errors: HostError with CRIU's reason. */
  finish(answer: CriuResponse): RunningProgram {
    const { runtime, request, places } = this.#site
    try {
      if (!answer.success || this.#program === undefined)
        throw criuFailure(runtime, places, `restore container \`${request.id}\``, answer)
      writePidFile(runtime, request, this.#program.pid)
      this.#directory.close()
      return this.#program
    } catch (error) {
      this.#kill()
      throw error
    }
  }

  #reactTo({ script, pid, descriptor }: Notice): void {
    if (script === 'setup-namespaces') this.#runHooks(pid!)
    if (script === 'orphan-pts-master') this.#handOver(descriptor)
    if (script === 'post-restore') this.#establish(pid!)
  }

  /** The namespaces are there and nothing in them yet, which is what these hooks are for. */
  #runHooks(pid: number): void {
    const { runtime, prepared } = this.#site
    const { hooks } = prepared.plan
    const container = { ...prepared.plan, pid }
    runHooks(runtime, 'prestart', hooks.prestart, container, 'creating')
    runHooks(runtime, 'createRuntime', hooks.createRuntime, container, 'creating')
  }

  #handOver(master: Fd<'outside'> | undefined): void {
    const { runtime, hostResources } = this.#site
    if (master === undefined) throw new HostError('the terminal got lost: is the limit of open files reached?')
    if (hostResources.console === undefined)
      throw new HostError('the checkpoint has a terminal, and `process.terminal` in config.json is not true')
    runtime.outside.sendDescriptor(hostResources.console.passedFd, MASTER_NAME, master)
  }

  /** Everything is restored and stands still until CRIU gets the answer. */
  #establish(pid: number): void {
    const { runtime, request, prepared, hostResources, fds } = this.#site
    const { outside } = runtime
    const record = describe(runtime, prepared, pid, hostResources)
    const pidfd = fds.keep(outside.pidfdOpen(pid, []))
    const { cgroup } = hostResources
    this.#program = { pid, pidfd, cgroup: record.cgroup, signals: undefined }
    limit(this.#site, pid)
    writeRecord(outside, this.#directory, record)
    const master = hostResources.console?.receive?.()
    if (master) fds.keep(master)
    const signals = catchSignals(runtime, request, master !== undefined)
    if (master) this.#terminal.begin(master)
    this.#program = { pid, pidfd, signals, cgroup: cgroup && record.cgroup, terminal: master && this.#terminal }
  }

  /** It is our child, so its pid is its own until we have waited for it. */
  #kill(): void {
    if (this.#program === undefined) return
    const { outside } = this.#site.runtime
    outside.signal(this.#program.pidfd, SIGKILL)
    outside.wait(this.#program.pid, __WALL, 'any')
  }
}

/**
 * The limits come last: CRIU itself is in the cgroup while it works, and makes devices there. With the modes that restore
 * the files of cgroups CRIU has written what the checkpoint says by now, which is to win.
 */
function limit({ runtime, request, prepared, hostResources, fds }: Restoring, pid: number): void {
  const { outside } = runtime
  const { plan, rootless } = prepared
  const { cgroup, resctrl } = hostResources
  if (resctrl) for (const one of cgroup ? pidsBelow(outside, cgroup.path) : [pid]) enterResctrl(outside, resctrl, one)
  if (cgroup === undefined) return
  if (request.manageCgroupsMode !== 'full' && request.manageCgroupsMode !== 'strict')
    applyResources(outside, cgroup, plan, pid, rootless)
  const filter = loadDeviceFilter(outside, plan.deviceRules, fds)
  if (filter) attachDeviceFilter(outside, cgroup.path, filter, rootless)
}
