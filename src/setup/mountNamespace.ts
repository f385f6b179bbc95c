import { CAP_SYS_CHROOT } from '../../native/abi/capability.ts'
import type { Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { ownCapabilities } from '../host/host.ts'
import type { ContainerPlan } from '../plan/container.ts'
import { isOwn } from '../plan/namespaces/namespaces.ts'
import { isNull } from '../rootfs/protectedPaths.ts'
import { isShared, type Sources } from '../rootfs/sources.ts'
import type { Runtime } from '../runtime.ts'
import { hasCreateHooks } from './hooks/createHooks.ts'
import type { Prepared } from './prepare.ts'

/** The first Linux that has OPEN_TREE_NAMESPACE. Older ones are not asked. */
const SINCE = 7

/**
 * With a mount namespace that was made of the container's root alone, where the kernel makes such: the first process is born
 * in the host's and enters it before it mounts anything. So the host's mounts are neither copied nor taken away again, and
 * nothing of them is in the container's namespace at any time. Else the sources as they are.
 */
export function withMountNamespace(runtime: Runtime, prepared: Prepared, sources: Sources, fds: Fds): Sources {
  const { root, passed } = sources
  if (root === undefined || !needsNothingOfHost(runtime, prepared) || !hasNamespaceOfTree(runtime.outside))
    return sources
  const namespace = runtime.outside.openTreeAsNamespace(root.tree)
  if (!namespace.exists) return sources
  return {
    ...sources,
    root: { ...root, namespace: fds.keep(namespace) },
    passed: [namespace, ...passed.filter(fd => fd !== root.tree)],
  }
}

/**
 * Would the first process get such a namespace with this plan, as far as can be told without asking for one? Whether the kernel
 * makes it, and whether open files and sources allow it, shows when the container is created.
 */
export function getsMountNamespace(runtime: Runtime, plan: ContainerPlan): boolean {
  return planNeedsNothingOfHost(runtime, plan) && hasNamespaceOfTree(runtime.outside)
}

/** Is all that the first process wants of the host open before? Where there are few files, sources are opened in their turn. */
function needsNothingOfHost(runtime: Runtime, { plan, fewFiles, sourcesInCopy }: Prepared): boolean {
  return !sourcesInCopy && !fewFiles && planNeedsNothingOfHost(runtime, plan)
}

/**
 * Hooks look for the root at its path of the host, with paths of the host; a user namespace has to own the mount namespace, and
 * mounts a procfs only beside another one; and what paths are masked with may be the host's.
 */
function planNeedsNothingOfHost({ inUserNamespace }: Runtime, plan: ContainerPlan): boolean {
  const { namespaces, noPivot, hooks } = plan
  if (!namespaces.create.has('mount') || isOwn(namespaces, 'user') || inUserNamespace) return false
  return !noPivot && !isShared(plan) && !hasCreateHooks(hooks) && hasNullForMasks(plan)
}

function hasNullForMasks({ maskedPaths, devices }: ContainerPlan): boolean {
  return maskedPaths.length === 0 || devices.some(isNull)
}

/** setns(2) into a mount namespace needs CAP_SYS_CHROOT besides. */
function hasNamespaceOfTree(outside: Kernel<'outside'>): boolean {
  return outside.kernelVersion() >= SINCE && ownCapabilities(outside)(CAP_SYS_CHROOT)
}
