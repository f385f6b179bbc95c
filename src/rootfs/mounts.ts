import { EBUSY, EEXIST, EPERM } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY } from '../../native/abi/fcntl.ts'
import { MOUNT_ATTR_RDONLY } from '../../native/abi/mount.ts'
import { S_IFLNK, S_IFMT } from '../../native/abi/stat.ts'
import type { Dir } from '../../native/calls/stat.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { currentPhrase } from '../../native/failure.ts'
import { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { cgroupMount as findCgroupMount } from '../cgroup/cgroup.ts'
import { doing, Failure, HostError } from '../errors.ts'
import type { Parameter } from '../plan/mounts/mountOptions.ts'
import type { BindStep, Fallback, FilesystemStep, MountStep, RemountStep } from '../plan/mounts/mounts.ts'
import type { Attached, ContainerRoot } from './containerRoot.ts'
import { copyUp } from './copyUp.ts'
import { mountByPage, needsMountCall, remountByPage } from './longOptions.ts'
import { trustedProcfs } from './procfs.ts'
import { isDirectory, propagate, setAttributes, type Source, sourceOf, type Sources } from './sources.ts'
import { configure } from './superblock.ts'

/** What mounting needs besides the plan. */
export interface MountSite {
  readonly executor: Executor
  readonly sources: Sources
  /** The mount point of the host's cgroup tree and the container's own cgroup, if any. */
  readonly cgroupMount: string | undefined
  readonly cgroup: string | undefined
  /** Mounts that become read-only when all is in place. */
  readonly readonlyLate: Fd<'inside'>[]
  /**
   * New file systems that get a mode when all is in place, since there are so many of them that it would take long to ask about
   * each before it is made. Undefined where they have it from the first moment.
   */
  readonly modesLate?: Attached[] | undefined
  /** Are there so many mounts that those of one kind are made as a series? To tell the kinds takes time, too. */
  readonly isMany?: boolean
  /** One that can be trusted, where the root is not the host's any more. */
  readonly procfs?: () => Dir
  /** Is this the last that is looked for at its place? Then it is closed; see fewFiles.ts. */
  readonly isLast?: ((step: MountStep) => boolean) | undefined
  /** Throws when nothing may be mounted on this directory or file. */
  readonly checkTarget?: (target: Fd<'inside'>) => void
}

const errnos = { EPERM, EBUSY }

/** Does one step of the plan. Returns the mount, if it makes one. */
export function applyMount(root: ContainerRoot, step: MountStep, site: MountSite): Fd<'inside'> | undefined {
  switch (step.op) {
    case 'bind':
      return bind(root, step, site)
    case 'filesystem':
      return mountFilesystem(root, step, site)
    case 'remount':
      giveModes(root, site)
      return remount(root, step, site)
    default:
      return step satisfies never
  }
}

function bind(root: ContainerRoot, step: BindStep, site: MountSite): Fd<'inside'> | undefined {
  const source = sourceOf(site.executor, site.sources, step, root)
  if (source.link !== undefined) return link(root, step.destination, source.link)
  if (site.checkTarget === undefined && !step.noFollowTarget) {
    root.attach(source.tree, step.destination, isDirectory(source) ? 'directory' : 'file', site.isLast?.(step))
    return source.tree
  }
  return attachAt(root, source.tree, targetFor(root, step, source), step, site)
}

/** One with this target may be there: an engine starts a container again on the same root. */
function link(root: ContainerRoot, destination: string, target: string): undefined {
  const { inside } = root
  const { parent, name } = root.parentOf(destination)
  inside.symlinkat(target, parent, name, [EEXIST])
  using there = inside.openat(parent, name, O_PATH | O_NOFOLLOW)
  const isLink = ((inside.statx(there, '').stat?.mode ?? 0) & S_IFMT) === S_IFLNK
  if (!isLink || inside.readlinkat(there, '') !== target)
    throw new Failure(`there is something else already than the link to \`${target}\``, currentPhrase(), 'EEXIST')
}

function targetFor(root: ContainerRoot, step: BindStep, source: Source<'inside'>): Fd<'inside'> {
  if (step.noFollowTarget) return root.open(step.destination, O_NOFOLLOW)
  return isDirectory(source) ? root.directory(step.destination) : root.file(step.destination)
}

function attachAt(
  root: ContainerRoot,
  mount: Fd<'inside'>,
  target: Fd<'inside'>,
  { destination }: MountStep,
  { checkTarget }: MountSite,
): Fd<'inside'> {
  checkTarget?.(target)
  root.inside.moveMount(mount, target)
  root.mounted(destination, mount)
  return mount
}

function mountFilesystem(root: ContainerRoot, step: FilesystemStep, site: MountSite): Fd<'inside'> {
  const isAlone =
    site.isLast?.(step) ||
    site.checkTarget !== undefined ||
    site.sources.filesystems?.has(step) ||
    !isOrdinary(step) ||
    (step.inheritMode && site.modesLate === undefined)
  if (isAlone) return mountAlone(root, step, site)
  const attached = root.attachNew(step.destination, site.isMany ? kindOf(step) : undefined, () => {
    const mount = newMount(root, step, step.parameters)!
    propagate(root.inside, mount, step)
    return mount
  })
  if (step.inheritMode) site.modesLate!.push(attached)
  if (step.readonlyLate) site.readonlyLate.push(attached.mount)
  return attached.mount
}

/** Is there nothing to be asked or decided before it is mounted? */
function isOrdinary(step: FilesystemStep): boolean {
  const { needsRealTarget, fallback, copyUp, recursiveAttributes } = step
  const staysWritable = (recursiveAttributes.set & MOUNT_ATTR_RDONLY) === 0
  const isSimple = !needsRealTarget && fallback === undefined && !copyUp && staysWritable
  return isSimple && !needsMountCall(step.source, step.parameters)
}

/** All of it but its place. */
function kindOf({ destination: _, pointer: __, ...rest }: FilesystemStep): string {
  return JSON.stringify(rest)
}

function mountAlone(root: ContainerRoot, step: FilesystemStep, site: MountSite): Fd<'inside'> {
  const { inside } = root
  const { destination } = step
  const isLast = site.isLast?.(step) ?? false
  const target = step.needsRealTarget ? root.realDirectory(destination) : root.directory(destination)
  const parameters = [...modeOf(root, step, target), ...step.parameters]
  const mount =
    joinedMount(step, site) ?? newMount(root, step, parameters, isLast) ?? fallbackMount(site, step.fallback!)
  propagate(inside, mount, step)
  const procfs = () => site.procfs?.() ?? trustedProcfs(inside, 'the directory below can not be copied')
  if (step.copyUp) copyUp(inside, target, mount, procfs)
  attachAt(root, mount, target, step, site)
  if (isLast) {
    if (step.readonlyLate) inside.mountSetattr(mount, false, { set: MOUNT_ATTR_RDONLY })
    root.forget(destination, mount)
    new Fd(inside, target.result, destination).close()
  } else if (step.readonlyLate) site.readonlyLate.push(mount)
  return mount
}

/** One that the container could not make itself, complete with its attributes; see joinedFilesystems.ts. */
function joinedMount(step: FilesystemStep, { executor, sources }: MountSite): Fd<'inside'> | undefined {
  const mount = sources.filesystems?.get(step)
  return mount && executor.passed(mount)
}

/** A new tmpfs has the mode of the directory that it covers. */
function modeOf(root: ContainerRoot, { inheritMode, destination }: FilesystemStep, target: Fd<'inside'>): Parameter[] {
  if (!inheritMode) return []
  const { mode } = root.inside.statx(target, '').stat!
  return root.isNew(destination) ? [] : [{ key: 'mode', value: (mode & 0o7777).toString(8) }]
}

/** More of them than this are given their modes late: the mode is not among the options that mountinfo shows then. */
const MANY_MODES = 16

/** See MountSite. */
export function hasManyModes(steps: readonly MountStep[]): boolean {
  return steps.filter(step => step.op === 'filesystem' && step.inheritMode).length > MANY_MODES
}

/** What a tmpfs has without a word about it. */
const USUAL_MODE = 0o1777

/** Gives file systems that wait for it the mode of the directory that they cover. */
export function giveModes({ inside }: ContainerRoot, { modesLate = [] }: MountSite): void {
  const existing = modesLate.splice(0).filter(({ isNew }) => !isNew())
  const modes = existing.map(({ covered }) => inside.statx(covered, ''))
  for (const [index, { stat }] of modes.entries()) {
    const mode = stat!.mode & 0o7777
    if (mode === USUAL_MODE) continue
    const directory = inside.openat(existing[index]!.mount, '.', O_RDONLY | O_DIRECTORY).take()
    inside.fchmod(directory, mode)
  }
}

/** A detached mount of the file system; undefined when the kernel refuses it and something else can be bound. */
function newMount(
  root: ContainerRoot,
  step: FilesystemStep,
  parameters: readonly Parameter[],
  isLast = false,
): Fd<'inside'> | undefined {
  const { inside } = root
  if (needsMountCall(step.source, parameters)) return finish(root, step, mountByPage(root, step, parameters))
  const refused = step.fallback?.on.map(code => errnos[code])
  using fs = inside.fsopen(step.type, refused)
  // sysfs is refused right here to who does not own the network namespace.
  if (refused !== undefined && step.type === 'sysfs' && !fs.exists) return undefined
  if (!isLast) fs.take()
  inside.fsconfigString(fs, 'source', step.source)
  configure(inside, fs, step.flags, parameters)
  const created = inside.fsconfigCreate(fs, refused)
  if (refused !== undefined && created.value < 0) return undefined
  return finish(root, step, inside.fsmount(fs, step.attributes.set).take())
}

function finish({ inside }: ContainerRoot, step: FilesystemStep, mount: Fd<'inside'>): Fd<'inside'> {
  if (step.rootLabel !== undefined) labelRoot(inside, mount, step.rootLabel)
  setAttributes(inside, mount, { attributes: { set: 0, clear: 0 }, recursiveAttributes: step.recursiveAttributes })
  return mount
}

/** The extended attribute of SELinux, for a file system that takes no option. A mount is no descriptor to write to. */
function labelRoot(inside: Kernel<'inside'>, mount: Fd<'inside'>, label: string): void {
  const directory = inside.openat(mount, '.', O_RDONLY | O_DIRECTORY).take()
  inside.fsetxattr(directory, 'security.selinux', label)
}

/** What a user namespace may not mount anew is taken over from the host, with everything that is locked to it. */
function fallbackMount(
  { executor, cgroupMount, cgroup }: MountSite,
  { source, recursiveAttributes }: Fallback,
): Fd<'inside'> {
  const { kernel: inside } = executor
  const places = {
    sys: () => '/sys',
    'own-cgroup': () => cgroup ?? cgroupMount,
    'cgroup-root': () => cgroupMount ?? findCgroupMount(inside), // a container without a cgroup has not asked for it
  }
  const path = places[source]()
  if (path === undefined)
    throw new HostError('cgroup version 2 is not mounted on the host, and may not be mounted here')
  return doing(`bind \`${path}\` instead`, () => {
    const tree = inside.openTree(AT_FDCWD, path, true).take()
    setAttributes(inside, tree, { attributes: { set: 0, clear: 0 }, recursiveAttributes })
    return tree
  })
}

function remount(root: ContainerRoot, step: RemountStep, site: MountSite): undefined {
  const { inside } = root
  const target = root.open(step.destination)
  setAttributes(inside, target, step)
  if (!step.mountOnly && step.flags.length + step.parameters.length > 0) reconfigure(root, step, target)
  propagate(inside, target, step)
  if (step.readonlyLate) site.readonlyLate.push(target)
}

function reconfigure(root: ContainerRoot, step: RemountStep, target: Fd<'inside'>): void {
  if (needsMountCall('', step.parameters)) {
    remountByPage(root, step, target)
    return
  }
  const fs = root.inside.fspick(target).take()
  configure(root.inside, fs, step.flags, step.parameters)
  root.inside.fsconfigReconfigure(fs)
}
