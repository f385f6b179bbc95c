import { EINVAL } from '../../native/abi/errno.ts'
import { AT_SYMLINK_NOFOLLOW } from '../../native/abi/fcntl.ts'
import { MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY } from '../../native/abi/mount.ts'
import { S_IFBLK, S_IFCHR, S_IFIFO } from '../../native/abi/stat.ts'
import { deviceNumber } from '../../native/calls/stat.ts'
import type { Executor } from '../../native/executor/launch.ts'
import type { Fd, Side } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing } from '../errors.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { BindDeviceStep } from '../plan/devices/devices.ts'
import { toHostId } from '../plan/namespaces/idMappings.ts'
import type { NamespacePlan } from '../plan/namespaces/namespaces.ts'
import type { ContainerRoot } from './containerRoot.ts'

/** The bits of a mode for each type, see inode(7). */
export const nodeTypes = { char: S_IFCHR, block: S_IFBLK, fifo: S_IFIFO } as const

/** Who closes a descriptor: the planner when the container is made, in the executor an execve. */
export type Keep = <S extends Side>(fd: Fd<S>) => Fd<S>

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

/** Device nodes, in a directory that is mounted nowhere yet. */
export interface Shelf {
  readonly directory: Fd<'outside'>
  readonly names: ReadonlyMap<BindDeviceStep, string>
}

/** The nodes of a container: a mount of each, or what they all are on. */
export type DeviceNodes =
  | { readonly mounts: ReadonlyMap<BindDeviceStep, Fd<'outside'>>; readonly shelf?: undefined }
  | { readonly mounts?: undefined; readonly shelf: Shelf }

/**
 * Nodes for a container that may make none, as in crun, in a file system that is this container's: so that what it does to
 * them, down to locks and watches, is nothing to the host. That is a tmpfs of the host's user namespace, since the kernel
 * lets nobody open a device in what another has mounted; it is attached nowhere and goes with the last of them. Before Linux
 * 6.15 no mount is copied that is attached nowhere: then it is the container's first process that makes the mounts, see
 * PlacedShelf.
 */
export function openNodes(
  kernel: Kernel<'outside'>,
  steps: readonly MadeDevice[],
  { namespaces, mountLabel: label }: ContainerPlan,
  keep: Keep,
): DeviceNodes {
  const mounts = new Map<BindDeviceStep, Fd<'outside'>>()
  if (steps.length === 0) return { mounts }
  using fs = kernel.fsopen('tmpfs')
  kernel.fsconfigString(fs, 'source', 'devices')
  if (label !== undefined) kernel.fsconfigString(fs, label.key, label.value!)
  kernel.fsconfigCreate(fs)
  const directory = keep(kernel.fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC))
  const names = new Map(steps.map((step, index) => [step as BindDeviceStep, `${index}`]))
  for (const step of steps)
    doing(`device \`${step.path}\``, () => makeNode(kernel, directory, names.get(step)!, step, namespaces))
  for (const [step, name] of names) {
    const mount = kernel.openTree(directory, name, false, AT_SYMLINK_NOFOLLOW, undefined, [EINVAL])
    if (!mount.exists) return { shelf: { directory, names } }
    mounts.set(step, keep(mount))
  }
  return { mounts }
}

function makeNode(
  kernel: Kernel<'outside'>,
  directory: Fd<'outside'>,
  name: string,
  { type, major, minor, made }: MadeDevice,
  { uidMappings, gidMappings }: NamespacePlan,
): void {
  kernel.mknodat(directory, name, nodeTypes[type] | made.mode, deviceNumber(major, minor))
  // Who is not mapped is the host's nobody inside, and so is who owns the node then.
  kernel.fchownat(directory, name, toHostId(uidMappings, made.uid) ?? 0, toHostId(gidMappings, made.gid) ?? 0)
  kernel.fchmodat(directory, name, made.mode) // whatever the umask
}

/** A shelf that covers the container's root meanwhile, where no path leads through. */
export class PlacedShelf {
  readonly #root: ContainerRoot
  readonly #directory: Fd<'inside'>
  readonly #names: Shelf['names']

  constructor(root: ContainerRoot, executor: Executor, { directory, names }: Shelf) {
    this.#root = root
    this.#directory = executor.passed(directory)
    this.#names = names
    root.inside.moveMount(this.#directory, root.fd)
  }

  /** A mount of the node for a device; undefined when it is not there. */
  mountOf(step: BindDeviceStep): Fd<'inside'> | undefined {
    const name = this.#names.get(step)
    return name === undefined
      ? undefined
      : this.#root.inside.openTree(this.#directory, name, false, AT_SYMLINK_NOFOLLOW).take()
  }

  /** Takes it away. The nodes stay where they have been mounted. */
  [Symbol.dispose](): void {
    const { inside, fd } = this.#root
    inside.fchdir(this.#directory)
    inside.detach('.')
    inside.fchdir(fd)
  }
}
