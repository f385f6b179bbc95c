import { EINVAL } from '../../native/abi/errno.ts'
import { AT_SYMLINK_NOFOLLOW } from '../../native/abi/fcntl.ts'
import { MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY } from '../../native/abi/mount.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing } from '../errors.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { BindDeviceStep } from '../plan/devices/devices.ts'
import { toHostId } from '../plan/namespaces/idMappings.ts'
import type { NamespacePlan } from '../plan/namespaces/namespaces.ts'
import { deviceNumber, nodeTypes } from './devices.ts'
import type { Keep } from './sources.ts'

/**
 * Of a mount of a single device of the host. What changes the inode is denied (mode, owner, times, extended attributes),
 * and nothing else: the device is read and written as ever.
 */
export const DEVICE_ATTRIBUTES = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC

/** A device for a container that may make none. */
export type MadeDevice = BindDeviceStep & Required<Pick<BindDeviceStep, 'made'>>

/** Is a node to be made for it? */
export function isMade(step: BindDeviceStep): step is MadeDevice {
  return step.made !== undefined
}

/**
 * Nodes for a container that may make none, as in crun, in a file system that is this container's: so that what it does to
 * them, down to locks and watches, is nothing to the host. That is a tmpfs of the host's user namespace, since the kernel
 * lets nobody open a device in what another has mounted; it is attached nowhere and goes with the last of them. Gives a
 * mount of each; none before Linux 6.15, which copies no mount that is attached nowhere.
 */
export function openNodes(
  kernel: Kernel<'outside'>,
  steps: readonly MadeDevice[],
  { namespaces, mountLabel: label }: ContainerPlan,
  keep: Keep,
): ReadonlyMap<BindDeviceStep, Fd<'outside'>> {
  const nodes = new Map<BindDeviceStep, Fd<'outside'>>()
  if (steps.length === 0) return nodes
  using fs = kernel.fsopen('tmpfs')
  kernel.fsconfigString(fs, 'source', 'devices')
  if (label !== undefined) kernel.fsconfigString(fs, label.key, label.value!)
  kernel.fsconfigCreate(fs)
  using directory = kernel.fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)
  for (const [index, step] of steps.entries()) {
    const node = doing(`device \`${step.path}\``, () => makeNode(kernel, directory, `${index}`, step, namespaces))
    if (!node.exists) return new Map()
    nodes.set(step, keep(node))
  }
  return nodes
}

/** A mount of the node; there is none where the kernel copies no mount that is attached nowhere. */
function makeNode(
  kernel: Kernel<'outside'>,
  directory: Fd<'outside'>,
  name: string,
  { type, major, minor, made }: MadeDevice,
  { uidMappings, gidMappings }: NamespacePlan,
): Fd<'outside'> {
  kernel.mknodat(directory, name, nodeTypes[type] | made.mode, deviceNumber(major, minor))
  // Who is not mapped is the host's nobody inside, and so is who owns the node then.
  kernel.fchownat(directory, name, toHostId(uidMappings, made.uid) ?? 0, toHostId(gidMappings, made.gid) ?? 0)
  kernel.fchmodat(directory, name, made.mode) // whatever the umask
  return kernel.openTree(directory, name, false, AT_SYMLINK_NOFOLLOW, undefined, [EINVAL])
}
