import { EEXIST } from '../../native/abi/errno.ts'
import { AT_SYMLINK_NOFOLLOW } from '../../native/abi/fcntl.ts'
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT } from '../../native/abi/stat.ts'
import { ConfigError, doing } from '../errors.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { BindDeviceStep, DeviceStep, MknodStep } from '../plan/devices.ts'
import type { ContainerRoot } from './containerRoot.ts'
import type { MountSite } from './mounts.ts'
import { sourceOf } from './sources.ts'

const types = { char: S_IFCHR, block: S_IFBLK, fifo: S_IFIFO } as const

/** Looks, once the kernel has answered, whether what is there is what was wanted. */
type Check = () => void

/**
 * Device nodes, devices bound from the host, and links; see config-linux.md#devices. What it returns is to be called when
 * they have been made.
 */
export function makeDevices(root: ContainerRoot, { devices }: ContainerPlan, site: MountSite): Check {
  const checks = devices.map(step => doing(`device \`${step.path}\``, () => makeDevice(root, step, site)))
  return () => {
    for (const check of checks) check?.()
  }
}

function makeDevice(root: ContainerRoot, step: DeviceStep, site: MountSite): Check | undefined {
  switch (step.op) {
    case 'mknod':
      return makeNode(root, step)
    case 'bind':
      return bindDevice(root, step, site)
    case 'symlink':
      return makeLink(root, step.path, step.target)
    default:
      step satisfies never
  }
}

function makeNode(root: ContainerRoot, step: MknodStep): Check {
  const { inside } = root
  const { parent, name } = root.parentOf(step.path)
  inside.mknodat(parent, name, types[step.type] | step.mode, deviceNumber(step.major, step.minor), [EEXIST])
  const pending = inside.statx(parent, name, AT_SYMLINK_NOFOLLOW)
  if (step.uid !== 0 || step.gid !== 0) inside.fchownat(parent, name, step.uid, step.gid)
  return () => {
    const stat = pending.stat
    const isNode =
      stat !== undefined &&
      (stat.mode & S_IFMT) === types[step.type] &&
      (step.type === 'fifo' || (stat.rdevMajor === step.major && stat.rdevMinor === step.minor))
    if (!isNode)
      throw new ConfigError(
        `\`${step.path}\` exists in the root file system and is something else than the device`,
        '/linux/devices',
      )
    if ((stat.mode & 0o7777) !== step.mode) inside.fchmodat(parent, name, step.mode)
  }
}

function bindDevice(root: ContainerRoot, step: BindDeviceStep, site: MountSite): undefined {
  const { tree } = sourceOf(site.executor, site.sources, step)
  root.inside.moveMount(tree, root.file(step.path))
}

function makeLink(root: ContainerRoot, path: string, target: string): undefined {
  const { parent, name } = root.parentOf(path)
  root.inside.symlinkat(target, parent, name, [EEXIST])
}

/** The kernel's new_encode_dev(): 12 bits of major between 8 and 12 bits of minor; see makedev(3). */
export function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12)) >>> 0
}
