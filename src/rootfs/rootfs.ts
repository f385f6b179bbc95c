import { EACCES } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../native/abi/fcntl.ts'
import { MOUNT_ATTR_RDONLY, MS_PRIVATE, MS_REC, MS_SHARED, MS_SLAVE, MS_UNBINDABLE } from '../../native/abi/mount.ts'
import { CLONE_NEWNS } from '../../native/abi/sched.ts'
import type { Executor } from '../../native/executor/launch.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing, HostError } from '../errors.ts'
import type { ContainerPlan } from '../plan/container.ts'
import { isOwn } from '../plan/namespaces/namespaces.ts'
import type { Warn } from '../runtime.ts'
import { ContainerRoot } from './containerRoot.ts'
import { makeDevices } from './devices.ts'
import { hideHostKernel } from './hideHostKernel.ts'
import { applyMount, giveModes, type MountSite } from './mounts.ts'
import { makePathsReadonly, maskPaths, type NullDevice, openNull } from './protectedPaths.ts'
import { isSameFile, openRootTree, type RootTree, type Sources } from './sources.ts'

/** The words of config.json#/linux/rootfsPropagation. Without one the container sees what the host mounts, as in runc. */
const propagations: Readonly<Record<string, number>> = {
  private: MS_PRIVATE,
  slave: MS_SLAVE,
  shared: MS_SHARED,
  unbindable: MS_UNBINDABLE,
}

function propagation({ rootfsPropagation = 'slave' }: ContainerPlan): number {
  return propagations[rootfsPropagation.replace(/^r/, '')]!
}

/** Of what is inherited from the host. A root that is moved covers that, after something has been unmounted there. */
function hostPropagation(flag: number, { noPivot }: ContainerPlan): number {
  if (flag === MS_SHARED && noPivot) return MS_SLAVE // else the host would lose it, too
  return flag === MS_UNBINDABLE ? MS_PRIVATE : flag
}

/**
 * Attaches the container's root file system in the new mount namespace. It stays reachable at its path of the host until
 * the namespace's root changes, since hooks look for it there. The path is looked up a second time for that, in the new
 * namespace: what `check` is for, which is to be called before anybody relies on the path. Errors of `check`: HostError when
 * it led elsewhere meanwhile.
 */
export function placeRoot(
  executor: Executor,
  plan: ContainerPlan,
  sources: Sources,
): { root: ContainerRoot; check: () => void } {
  const { kernel: inside } = executor
  return doing(`root \`${plan.rootfs}\``, () => {
    if (!isOwn(plan.namespaces, 'mount')) {
      const directory = inside.openat(AT_FDCWD, plan.rootfs, O_PATH | O_DIRECTORY).take()
      return { root: new ContainerRoot(inside, directory), check: () => {} }
    }
    if (sources.root?.namespace !== undefined) return enterNamespace(executor, sources.root, sources.root.namespace)
    const flag = propagation(plan)
    inside.mountPropagation('/', hostPropagation(flag, plan) | MS_REC)
    const opened = sources.root && { ...sources.root, tree: executor.passed(sources.root.tree) }
    const own = opened ?? openRootTree(inside, plan.rootfs)
    const check = attach(inside, own, plan, flag === MS_SHARED)
    return { root: new ContainerRoot(inside, own.tree), check }
  })
}

/** The same where the container's mount namespace was made of its root: that is entered, and is `/` then. */
function enterNamespace(
  executor: Executor,
  { stat }: RootTree<'outside'>,
  namespace: Fd<'outside'>,
): { root: ContainerRoot; check: () => void } {
  const { kernel: inside } = executor
  inside.setns(executor.passed(namespace), CLONE_NEWNS, 'a mount namespace of its own')
  const fd = inside.openat(AT_FDCWD, '/', O_PATH | O_DIRECTORY).take()
  const there = inside.statx(fd, '', 0, [])
  const check = () => {
    if (!isSameFile(there.stat!, stat)) throw new HostError('the new mount namespace has another root than asked for')
  }
  return { root: new ContainerRoot(inside, fd), check }
}

function attach(
  inside: Kernel<'inside'>,
  { tree, stat }: RootTree<'inside'>,
  { rootfs, namespaces }: ContainerPlan,
  shared: boolean,
): () => void {
  if (shared) {
    // A shared parent would hand the mount on to the host.
    inside.mountPropagation('/', MS_PRIVATE)
    // The copy of a shared mount is shared, which pivot_root(2) does not take. It becomes so again when the root has changed.
    inside.mountSetattr(tree, false, { propagation: MS_PRIVATE })
  }
  // The root of a user namespace may not be let through to the path; any place does for pivot_root.
  const tolerate = isOwn(namespaces, 'user') ? [EACCES] : undefined
  const place = shared ? undefined : inside.openat(AT_FDCWD, rootfs, O_PATH | O_DIRECTORY, 0, tolerate).take()
  if (place === undefined || (tolerate !== undefined && !place.exists)) {
    inside.moveMountToPath(tree, '/')
    return () => {}
  }
  const found = inside.statx(place, '', 0, [])
  inside.moveMount(tree, place)
  return () => {
    if (!isSameFile(found.stat!, stat))
      throw new HostError(
        `\`${rootfs}\` has become another directory while the container was made; see who else can write to the one above`,
      )
  }
}

/** Mounts, devices and links, in the order of the configuration. What it returns is to be called when they are there. */
export function fillRoot(root: ContainerRoot, plan: ContainerPlan, site: MountSite, warn: Warn): () => void {
  for (const step of plan.mounts) doing(`mount \`${step.destination}\``, () => applyMount(root, step, site))
  const checkDevices = isOwn(plan.namespaces, 'mount') ? makeDevices(root, plan, site, warn) : () => {}
  return () => {
    checkDevices()
    giveModes(root, site)
    root.inside.flush() // hooks of the host may look
  }
}

/** Changes the root of the namespace, unless it is that already; nothing of the host's tree is reachable afterwards. */
export function enterRoot(root: ContainerRoot, plan: ContainerPlan, sources: Sources): void {
  const { inside } = root
  doing('change the root', () => {
    if (sources.root?.namespace === undefined) changeRoot(root, plan)
    inside.chdir('/')
    if (plan.rootfsPropagation !== undefined && isOwn(plan.namespaces, 'mount'))
      inside.mountPropagation('/', propagation(plan) | (plan.rootfsPropagation.startsWith('r') ? MS_REC : 0))
  })
}

function changeRoot({ inside, fd }: ContainerRoot, plan: ContainerPlan): void {
  inside.fchdir(fd)
  if (!isOwn(plan.namespaces, 'mount')) inside.chroot('.')
  else if (plan.noPivot) {
    hideHostKernel(inside, fd)
    inside.mountMove('.', '/')
    inside.chroot('.')
  } else {
    using peers = propagation(plan) === MS_SHARED ? inside.openat(AT_FDCWD, '/', O_PATH | O_DIRECTORY) : undefined
    inside.pivotRoot()
    // Its mounts are peers of the host's then, and what is unmounted here would be unmounted there.
    if (peers !== undefined) inside.mountSetattr(peers, true, { propagation: MS_SLAVE })
    inside.detach('.') // the old root, which now lies on top of the new one
  }
}

/**
 * Masks paths and makes others read-only, when what it returns is called. Before the root changes, since the null device
 * may be the host's.
 */
export function protectPaths(root: ContainerRoot, plan: ContainerPlan, nullDevice: NullDevice | undefined): () => void {
  const mask = nullDevice && maskPaths(root, plan.maskedPaths, nullDevice, plan.mountLabel)
  const makeReadonly = makePathsReadonly(root, plan.readonlyPaths)
  return () => {
    mask?.()
    makeReadonly()
  }
}

/** What makes things read-only comes last: until then directories and files are made for mounts and the process. */
export function finishRoot(root: ContainerRoot, plan: ContainerPlan, site: MountSite): void {
  const { inside } = root
  for (const mount of site.readonlyLate) inside.mountSetattr(mount, false, { set: MOUNT_ATTR_RDONLY })
  // Without a mount namespace the root is no mount of its own, and its file system is the host's.
  if (plan.rootReadonly && isOwn(plan.namespaces, 'mount'))
    doing('make the root read-only', () => inside.mountSetattr(root.fd, false, { set: MOUNT_ATTR_RDONLY }))
}

/** The null device, when something is to be masked with it; to be called when devices are there. */
export function nullDeviceFor(root: ContainerRoot, { maskedPaths, devices }: ContainerPlan): NullDevice | undefined {
  return maskedPaths.length === 0 ? undefined : openNull(root, devices)
}
