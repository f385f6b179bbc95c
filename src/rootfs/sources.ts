import { EPERM } from '../../native/abi/errno.ts'
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_NOFOLLOW, O_PATH, O_RDONLY } from '../../native/abi/fcntl.ts'
import { MOUNT_ATTR__ATIME, MOUNT_ATTR_IDMAP, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE } from '../../native/abi/mount.ts'
import { CLONE_NEWUSER } from '../../native/abi/sched.ts'
import { S_IFDIR, S_IFLNK, S_IFMT } from '../../native/abi/stat.ts'
import { PROC_SUPER_MAGIC } from '../../native/abi/wait.ts'
import type { PendingStat, Stat } from '../../native/calls/stat.ts'
import type { Executor } from '../../native/executor/launch.ts'
import type { Fd, Fds, Side } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { ConfigError, doing } from '../errors.ts'
import { lacksMountCalls } from '../host/denied.ts'
import { withExecutor } from '../host/withExecutor.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { BindDeviceStep } from '../plan/devices/devices.ts'
import type { Propagation } from '../plan/mounts/mountOptions.ts'
import type { BindStep, FilesystemStep } from '../plan/mounts/mounts.ts'
import { type IdMapping, mappingText } from '../plan/namespaces/idMappings.ts'
import { isOwn } from '../plan/namespaces/namespaces.ts'
import type { Runtime } from '../runtime.ts'
import type { ContainerRoot } from './containerRoot.ts'
import { DEVICE_ATTRIBUTES, isMade, type Keep, openNodes, type Shelf } from './deviceNodes.ts'
import { canMountByPath } from './mountByPath.ts'

/** What is bound into a container: a detached copy of the mount tree, complete with its attributes. */
export interface Source<S extends Side> {
  readonly tree: Fd<S>
  readonly stat: Pick<PendingStat, 'mode'>
  /** The target of the link that is to be made instead of a mount. */
  readonly link?: string
}

/** A detached copy of the root file system with all that is mounted in it, and which directory that is. */
export interface RootTree<S extends Side> {
  readonly tree: Fd<S>
  readonly stat: Stat
  /** A mount namespace that has a copy of the tree for its root, and nothing else; see setup/mountNamespace.ts. */
  readonly namespace?: Fd<'outside'>
}

/**
 * Sources of bind mounts. A privileged planner opens them before the container exists, in the host's view: a user
 * namespace may not be let through to them, and id-mapping needs the host's rights. An unprivileged one leaves it to the
 * executor, which has the rights in its own namespaces, and so does one that has only mount(2).
 */
export interface Sources {
  readonly root: RootTree<'outside'> | undefined
  readonly opened: ReadonlyMap<BindStep | BindDeviceStep, Source<'outside'>>
  /** File systems that the container could not mount itself, see joinedFilesystems.ts. */
  readonly filesystems?: ReadonlyMap<FilesystemStep, Fd<'outside'>>
  /** What nodes of devices are on that the container's process is to mount. */
  readonly shelf?: Shelf | undefined
  readonly passed: readonly Fd<'outside'>[]
  /** Those that the keeper opens, and what has come of that; see manySources.ts. */
  readonly left?: readonly BindStep[]
  readonly inherited?: ReadonlyMap<BindStep | BindDeviceStep, Source<'inside'>>
  /** Id-maps a source that was opened in the container; undefined without the rights for it. */
  readonly mapInside?: MapInside
}

type MapInside = (executor: Executor, step: BindStep, tree: Fd<'inside'>) => void

export const bindHints = {
  ENOENT: 'the source does not exist on the host',
  EACCES: 'the source can not be reached with the rights of the runtime',
  EINVAL: 'the source lies in a mount that may not be copied (unbindable, or locked with others below it)',
}

const attributeHints = {
  EPERM: 'the user namespace may not clear these attributes of a mount that it got from outside',
}

const untilExecve: Keep = fd => fd.take()

const NOTHING: Sources = { root: undefined, opened: new Map(), passed: [] }

/** Root of a user namespace that is in a mount namespace of others may not: the container, which has its own, opens them. */
function mayCopyMounts({ inUserNamespace, outside }: Runtime): boolean {
  if (!inUserNamespace) return true
  using tree = outside.openTree(AT_FDCWD, '/proc/self/status', false, 0, undefined, [EPERM])
  return tree.exists
}

/** Opens everything that a privileged planner can open, but what is `left` to the keeper; nothing for an unprivileged one. */
export function openSources(
  runtime: Runtime,
  plan: ContainerPlan,
  privileged: boolean,
  fds: Fds,
  left: readonly BindStep[] = [],
): Sources {
  const { outside } = runtime
  const nothing = !isOwn(plan.namespaces, 'mount') || (lacksMountCalls(outside) && canMountByPath(plan))
  if (!privileged || nothing || !mayCopyMounts(runtime)) return NOTHING
  const keep: Keep = fd => fds.keep(fd)
  const shared = isShared(plan)
  const root = doing(`root \`${plan.rootfs}\``, () => openRootTree(outside, plan.rootfs, keep))
  const opened = new Map<BindStep | BindDeviceStep, Source<'outside'>>()
  const others = new Set(left)
  for (const step of plan.mounts)
    if (step.op === 'bind' && step.sourceInside === undefined && !others.has(step))
      doing(`mount \`${step.destination}\``, () =>
        opened.set(
          step,
          openBind(outside, step, tree => mapIds(outside, step, tree, namespaceFor(runtime, plan, step, keep)), keep),
        ),
      )
  const { devices, shelf } = openDevices(runtime, plan, keep)
  for (const [step, source] of devices) opened.set(step, source)
  const trees = [root.tree]
  separate(outside, root.tree, [], shared)
  for (const [step, { tree }] of opened) {
    trees.push(tree)
    const asked = 'propagation' in step ? step.propagation : []
    separate(outside, tree, asked, shared)
    propagate(outside, tree, { propagation: asked })
  }
  const mapInside: MapInside = (executor, step, tree) => {
    using seen = seenFromOutside(outside, executor, tree)
    mapIds(outside, step, seen, namespaceFor(runtime, plan, step, keep))
  }
  if (shelf !== undefined) trees.push(shelf.directory)
  return { root, opened, shelf, passed: trees, left, mapInside }
}

/** Are mounts of the container to be peers of the host's? */
export function isShared({ rootfsPropagation }: ContainerPlan): boolean {
  return rootfsPropagation?.endsWith('shared') ?? false
}

/**
 * A copy is a peer of the host's mounts; what happens to it in the container must not come back. `asked`: the propagation
 * that it gets.
 */
export function separate<S extends Side>(
  kernel: Kernel<S>,
  tree: Fd<S>,
  asked: readonly Propagation[],
  shared: boolean,
): void {
  if (!shared && !isSeparate(asked)) kernel.mountSetattr(tree, true, { propagation: MS_SLAVE })
}

/** Does what is asked for make a whole tree no peer of the host's mounts, first of all? */
function isSeparate([first]: readonly Propagation[]): boolean {
  return first?.recursive === true && (first.flag === MS_PRIVATE || first.flag === MS_UNBINDABLE)
}

/** A descriptor of the process that makes the container, which is a child of ours: nobody else gets its number. */
function seenFromOutside(outside: Kernel<'outside'>, executor: Executor, fd: Fd<'inside'>): Fd<'outside'> {
  const { number } = fd
  return outside.openat(AT_FDCWD, `/proc/${executor.children().at(-1) ?? executor.pid}/fd/${number}`, O_PATH)
}

/** Errors: ConfigError when it is no directory, KernelError. */
export function openRootTree<S extends Side>(kernel: Kernel<S>, rootfs: string, keep = untilExecve): RootTree<S> {
  const tree = keep(kernel.openTree(AT_FDCWD, rootfs, true, 0, { ENOENT: 'the root file system does not exist' }))
  const { stat } = kernel.statx(tree, '')
  if (stat === undefined || (stat.mode & S_IFMT) !== S_IFDIR)
    throw new ConfigError(`\`${rootfs}\` is not a directory`, '/root/path')
  return { tree, stat }
}

/** The source of a bind mount, opened inside when it was not opened before. */
export function sourceOf(
  executor: Executor,
  sources: Sources,
  step: BindStep | BindDeviceStep,
  root?: ContainerRoot,
): Source<'inside'> {
  const inherited = sources.inherited?.get(step)
  if (inherited !== undefined) return inherited
  const source = sources.opened.get(step)
  if (source !== undefined) return { ...source, tree: executor.passed(source.tree) }
  const { kernel: inside } = executor
  if (!('propagation' in step)) return openDevice(inside, step, untilExecve)
  const map = (tree: Fd<'inside'>) =>
    sources.mapInside ? sources.mapInside(executor, step, tree) : mapIds(inside, step, tree, undefined)
  const { sourceInside } = step
  const tree = root && sourceInside !== undefined ? treeInside(root, step, sourceInside) : undefined
  const own = openBind(inside, step, map, untilExecve, tree)
  propagate(inside, own.tree, step)
  return own
}

/** Devices that are bound: the sources of those that can be opened here, and what the others are on. */
interface Devices {
  readonly devices: readonly (readonly [BindDeviceStep, Source<'outside'>])[]
  readonly shelf: Shelf | undefined
}

function openDevices({ outside }: Runtime, plan: ContainerPlan, keep: Keep): Devices {
  const steps = plan.devices.filter(step => step.op === 'bind')
  const { mounts, shelf: made } = openNodes(outside, steps.filter(isMade), plan, keep)
  const shelf = isShared(plan) ? undefined : made // what covers a root that is shared is seen on the host
  const here = steps.filter(step => !shelf?.names.has(step))
  const sourceFor = (step: BindDeviceStep) => {
    const mount = mounts?.get(step)
    return mount ? describe(outside, mount) : openDevice(outside, step, keep)
  }
  return { devices: here.map(step => [step, sourceFor(step)] as const), shelf }
}

function openDevice<S extends Side>(kernel: Kernel<S>, { source }: BindDeviceStep, keep: Keep): Source<S> {
  const tree = keep(kernel.openTree(AT_FDCWD, source, false, 0, bindHints))
  kernel.mountSetattr(tree, false, { set: DEVICE_ATTRIBUTES })
  return describe(kernel, tree)
}

function describe<S extends Side>(kernel: Kernel<S>, tree: Fd<S>): Source<S> {
  return { tree, stat: kernel.statx(tree, '') }
}

/** The source of a bind mount. `map` maps its ids, if it is to be id-mapped. */
export function openBind<S extends Side>(
  kernel: Kernel<S>,
  step: BindStep,
  map: (tree: Fd<S>) => void,
  keep: Keep,
  opened = treeOf(kernel, step),
): Source<S> {
  const tree = keep(opened)
  const stat = kernel.statx(tree, '')
  if (step.copySymlink && ((stat.stat?.mode ?? 0) & S_IFMT) === S_IFLNK)
    return { tree, stat, link: kernel.readlinkat(tree, '') }
  if (step.requireProcfs && kernel.fileSystemType(tree) !== PROC_SUPER_MAGIC)
    throw new ConfigError(`only a procfs can be mounted over /proc, and \`${step.source}\` is none`, step.pointer)
  if (step.idmap) map(tree)
  setAttributes(kernel, tree, step)
  return { tree, stat }
}

function treeOf<S extends Side>(kernel: Kernel<S>, step: BindStep): Fd<S> {
  const noFollow = step.noFollowSource || step.copySymlink ? AT_SYMLINK_NOFOLLOW : 0
  return kernel.openTree(AT_FDCWD, step.source, step.recursive, noFollow, bindHints)
}

/** What mounts made so far have left in the container's root, found as any path in it: no link leads out. */
function treeInside(root: ContainerRoot, step: BindStep, path: string): Fd<'inside'> {
  const place = root.open(path, step.noFollowSource || step.copySymlink ? O_NOFOLLOW : 0)
  return root.inside.openTree(place, '', step.recursive, 0, bindHints)
}

/** The attributes of a mount that config.json asks for. */
export function setAttributes<S extends Side>(
  kernel: Kernel<S>,
  mount: Fd<S>,
  { attributes, recursiveAttributes, mayBeLocked }: Changes,
): void {
  setSome(kernel, mount, false, attributes, mayBeLocked)
  setSome(kernel, mount, true, recursiveAttributes, mayBeLocked)
}

type Changes = Pick<BindStep, 'attributes' | 'recursiveAttributes'> & { readonly mayBeLocked?: boolean }

/** A user namespace may not clear what is locked; podman asks for `rw` always, so that stays as it is, as in crun. */
function setSome<S extends Side>(
  kernel: Kernel<S>,
  mount: Fd<S>,
  recursive: boolean,
  { set, clear }: BindStep['attributes'],
  mayBeLocked = false,
): void {
  const atime = clear & MOUNT_ATTR__ATIME
  if (mayBeLocked)
    for (const bit of bits(clear & ~MOUNT_ATTR__ATIME))
      kernel.mountSetattr(mount, recursive, { clear: bit }, {}, [EPERM])
  const together = mayBeLocked ? atime : clear
  if (together !== 0) kernel.mountSetattr(mount, recursive, { set, clear: together }, attributeHints, [EPERM])
  if (set !== 0) kernel.mountSetattr(mount, recursive, { set, clear: atime }, attributeHints)
}

function bits(mask: number): number[] {
  return Array.from({ length: 31 }, (_, bit) => 1 << bit).filter(bit => (mask & bit) !== 0)
}

/** Propagation, in the order given; see mount_namespaces(7). */
export function propagate<S extends Side>(
  kernel: Kernel<S>,
  mount: Fd<S>,
  { propagation }: Pick<BindStep, 'propagation'>,
): void {
  for (const { flag, recursive } of propagation) kernel.mountSetattr(mount, recursive, { propagation: flag })
}

export function mapIds<S extends Side>(
  kernel: Kernel<S>,
  step: BindStep,
  tree: Fd<S>,
  userNamespace: Fd<S> | undefined,
): void {
  if (userNamespace === undefined)
    throw new ConfigError('id-mapped mounts need a runtime with CAP_SYS_ADMIN on the host', `${step.pointer}/options`)
  const hint = { EINVAL: `the file system of \`${step.source}\` does not support id-mapped mounts` }
  kernel.mountSetattr(tree, step.idmap!.recursive, { set: MOUNT_ATTR_IDMAP, userNamespace }, hint)
}

/** A user namespace with the mappings of an id-mapped mount. */
function namespaceFor(
  runtime: Runtime,
  plan: ContainerPlan,
  { idmap }: BindStep,
  keep: Keep,
): Fd<'outside'> | undefined {
  if (idmap === undefined) return undefined
  const { uidMappings, gidMappings, join } = plan.namespaces
  const joined = join.find(({ type }) => type === 'user')
  if (idmap.mappings !== 'container') return keep(makeNamespace(runtime, idmap.mappings.uid, idmap.mappings.gid))
  if (joined) return keep(runtime.outside.openat(AT_FDCWD, joined.path, O_RDONLY))
  return keep(makeNamespace(runtime, uidMappings, gidMappings))
}

/** A user namespace that lives as long as its descriptor; the process that was needed to make it goes at once. */
export function makeNamespace(runtime: Runtime, uid: readonly IdMapping[], gid: readonly IdMapping[]): Fd<'outside'> {
  const { outside } = runtime
  return withExecutor(runtime, { passed: [] }, ({ kernel: inside, pid }) => {
    inside.unshare(CLONE_NEWUSER, 'a user namespace')
    inside.flush()
    outside.writeControl(AT_FDCWD, `/proc/${pid}/uid_map`, mappingText(uid))
    outside.writeControl(AT_FDCWD, `/proc/${pid}/gid_map`, mappingText(gid))
    return outside.openat(AT_FDCWD, `/proc/${pid}/ns/user`, O_RDONLY)
  })
}

/** Is the source a directory? */
export function isDirectory({ stat }: Pick<Source<Side>, 'stat'>): boolean {
  return ((stat.mode ?? 0) & S_IFMT) === S_IFDIR
}

/** Is it one and the same file or directory? */
export function isSameFile(a: Stat, b: Stat): boolean {
  return a.inode === b.inode && a.devMajor === b.devMajor && a.devMinor === b.devMinor
}
