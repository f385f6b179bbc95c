import { AT_SYMLINK_NOFOLLOW } from '../../native/abi/fcntl.ts'
import { MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID } from '../../native/abi/mount.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing } from '../errors.ts'
import type { BindDeviceStep } from '../plan/devices.ts'
import { toHostId } from '../plan/idMappings.ts'
import type { NamespacePlan } from '../plan/namespaces.ts'
import { deviceNumber, nodeTypes } from './devices.ts'
import type { Keep, Source } from './sources.ts'

/** A device of linux.devices in a user namespace. */
export type MadeDevice = BindDeviceStep & Required<Pick<BindDeviceStep, 'made'>>

/**
 * Makes nodes for a user namespace, as crun does, and opens each as a detached mount. They lie in a tmpfs that the host's
 * user namespace owns, since the kernel lets nobody open a device in what a user namespace has mounted. The tmpfs is
 * attached nowhere and goes with the last of them.
 */
export function openMadeDevices(
  outside: Kernel,
  steps: readonly MadeDevice[],
  namespaces: NamespacePlan,
  keep: Keep,
): Map<BindDeviceStep, Source> {
  const opened = new Map<BindDeviceStep, Source>()
  if (steps.length === 0) return opened
  using fs = outside.fsopen('tmpfs')
  outside.fsconfigString(fs, 'source', 'devices')
  outside.fsconfigCreate(fs)
  using directory = outside.fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)
  for (const [index, step] of steps.entries())
    doing(`device \`${step.path}\``, () =>
      opened.set(step, openMade(outside, directory, `${index}`, step, namespaces, keep)),
    )
  return opened
}

const hints = { EINVAL: 'a copy of what is mounted nowhere needs Linux 6.15; bind the device as a mount instead' }

function openMade(
  outside: Kernel,
  directory: Fd,
  name: string,
  { type, major, minor, made }: MadeDevice,
  { uidMappings, gidMappings }: NamespacePlan,
  keep: Keep,
): Source {
  outside.mknodat(directory, name, nodeTypes[type] | made.mode, deviceNumber(major, minor))
  // Who is not mapped is the host's nobody inside, and so is who owns the node then.
  outside.fchownat(directory, name, toHostId(uidMappings, made.uid) ?? 0, toHostId(gidMappings, made.gid) ?? 0)
  outside.fchmodat(directory, name, made.mode)
  const tree = keep(outside.openTree(directory, name, false, AT_SYMLINK_NOFOLLOW, hints))
  return { tree, stat: outside.statx(tree, '') }
}
