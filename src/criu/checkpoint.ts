import { EACCES, ELOOP, ENOENT, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from '../../native/abi/fcntl.ts'
import { S_IFCHR, S_IFMT } from '../../native/abi/stat.ts'
import { deviceNumber, type Stat } from '../../native/calls/stat.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { parseConfig } from '../config/load.ts'
import { destroyContainer, killContainerProcesses } from '../container/delete.ts'
import { HostError, StateError, UsageError } from '../errors.ts'
import { type ContainerPlan, planContainer } from '../plan/container.ts'
import type { MountStep } from '../plan/mounts/mounts.ts'
import { isOwn } from '../plan/namespaces/namespaces.ts'
import type { Runtime } from '../runtime.ts'
import { requireOwnProcess } from '../setup/belongings.ts'
import { openContainer, type StoredContainer } from '../state/store.ts'
import type { Notice } from './conversation.ts'
import {
  askCriu,
  type CheckpointPlaces,
  commonOptions,
  criuFailure,
  type CriuProgram,
  type CriuSettings,
  findCriu,
  openPlaces,
  refuseHoles,
  requireAbility,
  requireLazyPages,
  requireRelease,
} from './criu.ts'
import { DESCRIPTORS_FILE, streamsOf } from './descriptors.ts'
import { type CriuOptions, REQUEST } from './rpc.ts'

export interface CheckpointRequest extends CriuSettings {
  readonly id: string
  /** An earlier checkpoint, relative to this one: only memory that has changed since then is stored. */
  readonly parentPath?: string | undefined
  readonly leaveRunning?: boolean
  /** Only memory, for the next one to be faster; the container goes on. */
  readonly preDump?: boolean
  readonly tcpSkipInFlight?: boolean
  readonly linkRemap?: boolean
  /** Where memory goes instead of into the directory: the page server of criu(8). */
  readonly pageServer?: { readonly address: string; readonly port: number } | undefined
  /** A descriptor of the caller that gets a zero byte when the pages of --lazy-pages can be fetched. */
  readonly statusFd?: number | undefined
}

const LOG_FILE = 'dump.log'
const PARENT_LINK = 'parent'

/**
 * The one tree of cgroups that is a container's, as /proc/PID/cgroup calls it. In trees of version 1 it is where its creator
 * was: CRIU would make that folder again if it is gone, and nobody would remove it.
 */
const VERSION_2 = ''

const IN_CONTAINER = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS

/**
 * Writes the state of a running or paused container into a directory. It is gone afterwards, as with delete, unless it
 * is left running. Errors: StateError, HostError with what CRIU says; then it goes on as if nothing had been.
 */
export function checkpointContainer(runtime: Runtime, request: CheckpointRequest): void {
  const { outside, root } = runtime
  using container = openContainer(outside, root, request.id, true)
  const { established: record, status } = container
  if (status !== 'running' && status !== 'paused')
    throw new StateError(`container cannot be checkpointed in ${status} state`)
  const cgroup = requireOwnProcess(runtime, container, record.pid)
  const program = findCriu(runtime)
  using fds = new Fds()
  const places = openPlaces(runtime, request, LOG_FILE, true, fds)
  try {
    dump({ runtime, request, container, cgroup, places }, program)
  } finally {
    places.finish()
  }
  if (request.leaveRunning || request.preDump) return
  killContainerProcesses(runtime, container)
  destroyContainer(runtime, container)
}

interface Checkpointing {
  readonly runtime: Runtime
  readonly request: CheckpointRequest
  readonly container: StoredContainer
  readonly cgroup: string | undefined
  readonly places: CheckpointPlaces
}

function dump(site: Checkpointing, program: CriuProgram): void {
  const { runtime, request, container, places } = site
  const { outside } = runtime
  checkParent(outside, places, request)
  checkStatusFd(outside, request)
  if (request.preDump) requireAbility(runtime, program, 'mem_track')
  if (request.lazyPages) requireLazyPages(runtime, program)
  if (request.networkLock) requireRelease(runtime, program, 'networkLock', '--network-lock')

  const common = commonOptions(outside, request, places, container.established.annotations)
  const opts = { ...common, ...dumpOptions(site), ...describeOutside(site) }
  const type = request.preDump ? REQUEST.PRE_DUMP : REQUEST.DUMP
  const answer = runtime.phase('dump', () =>
    askCriu(runtime, program, { type, opts }, notice => reactTo(outside, notice, request, places)),
  )
  if (!answer.success) throw criuFailure(runtime, places, `checkpoint container \`${request.id}\``, answer)
  nameParent(outside, places, request)
}

function dumpOptions({ request, container, cgroup, places: { prefix } }: Checkpointing): CriuOptions {
  const { parentPath, pageServer } = request
  return {
    pid: container.established.pid,
    leave_running: request.leaveRunning,
    tcp_skip_in_flight: request.tcpSkipInFlight,
    link_remap: request.linkRemap,
    freeze_cgroup: cgroup,
    cgroup_dump_controller: [VERSION_2],
    parent_img: parentPath === undefined ? undefined : `${prefix}${parentPath}`,
    track_mem: parentPath === undefined ? undefined : true,
    ps: pageServer,
  }
}

/** What belongs to the container and lies outside of it. A pre-dump has memory only. */
function describeOutside({ runtime, container, request: { preDump }, places: { images } }: Checkpointing): CriuOptions {
  if (preDump) return {}
  const { outside } = runtime
  const { pid } = container.established
  const plan = planOf(runtime, container)
  const streams = streamsOf(outside, pid)
  outside.replaceFile(images, DESCRIPTORS_FILE, JSON.stringify(streams.map(({ key }) => key)), 0o600)
  const files = streams.filter(({ external }) => external).map(({ key }) => key)
  return {
    ext_mnt: externalMounts(outside, pid, plan),
    external: [...new Set([...files, ...externalNamespaces(outside, pid, plan)])],
  }
}

/** What create has made of the container's configuration, as far as it matters here. */
function planOf(runtime: Runtime, { established, configText }: StoredContainer): ContainerPlan {
  const { id, bundle } = established
  const { inUserNamespace, host } = runtime
  const facts = { id, bundle, noPivot: false, listenFds: 0, inUserNamespace, capMknod: !inUserNamespace }
  return planContainer(parseConfig(configText), { ...facts, arch: host.arch })
}

/** Namespaces that others have made and hold: CRIU neither stores nor restores them, and calls them by these names. */
export const externalNamespaceKeys = { network: 'extRootNetNS', pid: 'extRootPidNS' } as const

function externalNamespaces(outside: Kernel<'outside'>, pid: number, { namespaces }: ContainerPlan): string[] {
  return namespaces.join.flatMap(({ type }) => {
    if (type !== 'network' && type !== 'pid') return []
    const name = type === 'network' ? 'net' : 'pid'
    const inode = outside.statx(AT_FDCWD, `/proc/${pid}/ns/${name}`).stat?.inode
    return `${name}[${inode}]:${externalNamespaceKeys[type]}`
  })
}

/** The name in a checkpoint of what lies over masked files, where that is the host's null device. */
export const MASK = '/dev/null'

/**
 * What is mounted from outside: the mount point, and the name by which restore finds what to mount there, which is the
 * destination in config.json.
 */
function externalMounts(outside: Kernel<'outside'>, pid: number, plan: ContainerPlan): { key: string; val: string }[] {
  using root = outside.openat(AT_FDCWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY)
  const bound = [
    ...plan.mounts.flatMap(step => (step.op === 'bind' ? [step.destination] : [])),
    ...plan.mounts.flatMap(step => (isBoundInstead(outside, root, plan, step) ? [step.destination] : [])),
    ...plan.devices.flatMap(step => (step.op === 'bind' ? [step.path] : [])),
  ].map(val => ({ path: val, val, masked: false }))
  const masked = plan.maskedPaths.map(path => ({ path, val: MASK, masked: true }))
  const isMask = plan.devices.some(({ op, path }) => op === 'bind' && path === MASK) ? isNull : isHostNull
  return [...bound, ...masked].flatMap(({ path, val, masked }) => {
    const key = mountPoint(outside, root, path, masked ? isMask : undefined)
    return key === undefined ? [] : nameForCriu(key, val)
  })
}

/**
 * An external mount, as CRIU gets it. CRIU keeps it as `mnt[KEY]:VALUE` and looks for the first `]:`, so an image whose links
 * have one could give a mount the name of another (CVE-2026-115520 of crun, CVE-2026-119101 of runc). Errors: HostError.
 */
export function nameForCriu(key: string, val: string): { key: string; val: string } {
  for (const name of [key, val])
    if (name.includes(']:')) throw new HostError(`\`${name}\`: CRIU takes \`]:\` in a path for the end of it`)
  return { key, val }
}

/**
 * Was something of the host bound for lack of rights to mount the file system? Cgroups are what a user namespace may mount
 * with a cgroup namespace only; a new sysfs is another device than the host's.
 */
function isBoundInstead(
  outside: Kernel<'outside'>,
  root: Fd<'outside'>,
  { namespaces }: ContainerPlan,
  step: MountStep,
): boolean {
  if (step.op !== 'filesystem' || step.fallback === undefined) return false
  if (step.fallback.source !== 'sys') return !isOwn(namespaces, 'cgroup')
  using fd = outside.openat2(root, step.destination, O_PATH, IN_CONTAINER, [ENOENT, ENOTDIR, ELOOP, EACCES])
  const device = (stat: Stat | undefined) => stat && deviceNumber(stat.devMajor, stat.devMinor)
  return fd.exists && device(outside.statx(fd, '').stat) === device(outside.statx(AT_FDCWD, '/sys').stat)
}

/** Where that is when symbolic links are followed; undefined when nothing is there, or not what is to be. */
function mountPoint(
  outside: Kernel<'outside'>,
  root: Fd<'outside'>,
  path: string,
  isRight?: (outside: Kernel<'outside'>, fd: Fd<'outside'>) => boolean,
): string | undefined {
  using fd = outside.openat2(root, path, O_PATH, IN_CONTAINER, [ENOENT, ENOTDIR, ELOOP, EACCES])
  if (!fd.exists || isRight?.(outside, fd) === false) return undefined
  return outside.readlinkat(AT_FDCWD, `/proc/self/fd/${fd.number}`)
}

function isNull(outside: Kernel<'outside'>, fd: Fd<'outside'>): boolean {
  const { stat } = outside.statx(fd, '')
  return stat !== undefined && (stat.mode & S_IFMT) === S_IFCHR && stat.rdevMajor === 1 && stat.rdevMinor === 3
}

/** Where devices can be made, files are masked with the container's own, of which CRIU knows by itself. */
function isHostNull(outside: Kernel<'outside'>, fd: Fd<'outside'>): boolean {
  const [mask, host] = [outside.statx(fd, '').stat, outside.statx(AT_FDCWD, MASK).stat]
  const same = (key: 'devMajor' | 'devMinor' | 'inode') => mask?.[key] === host?.[key]
  return mask !== undefined && same('devMajor') && same('devMinor') && same('inode')
}

/** CRIU follows it from the new checkpoint, and without it would store everything without a word. */
function checkParent(
  outside: Kernel<'outside'>,
  { images, prefix }: CheckpointPlaces,
  { parentPath, autoDedup }: CheckpointRequest,
): void {
  if (parentPath === undefined) return
  if (parentPath.startsWith('/'))
    throw new UsageError(`--parent-path: must be relative to the directory of --image-path, is \`${parentPath}\``)
  using parent = outside.openat(images, `${prefix}${parentPath}`, O_PATH | O_DIRECTORY, 0, [ENOENT, ENOTDIR])
  if (!parent.exists)
    throw new HostError(`--parent-path: there is no \`${parentPath}\` in the directory of --image-path`)
  if (autoDedup) refuseHoles(outside, '--parent-path', parent)
}

/** CRIU makes a link to it, which has to lead there from where it comes to. */
function nameParent(
  outside: Kernel<'outside'>,
  { images, prefix }: CheckpointPlaces,
  { parentPath }: CheckpointRequest,
): void {
  if (parentPath === undefined || prefix === '') return
  outside.unlink(images, PARENT_LINK)
  outside.symlinkat(parentPath, images, PARENT_LINK)
}

function checkStatusFd(outside: Kernel<'outside'>, { statusFd }: CheckpointRequest): void {
  if (statusFd !== undefined && !outside.isOpen(statusFd))
    throw new UsageError(`--status-fd: descriptor ${statusFd} is not open`)
}

function reactTo(
  outside: Kernel<'outside'>,
  { script }: Notice,
  request: CheckpointRequest,
  places: CheckpointPlaces,
): void {
  if (script !== 'status-ready') return
  // From now on pages are fetched by who restores from what there is.
  nameParent(outside, places, request)
  places.publish()
  const { statusFd } = request
  if (statusFd === undefined) return
  outside.writeAll(statusFd, new Uint8Array(1))
  outside.later({ name: 'close', args: [statusFd], tolerate: 'any' })
}
