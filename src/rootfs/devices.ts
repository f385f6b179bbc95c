import { EEXIST } from '../../native/abi/errno.ts'
import { AT_SYMLINK_NOFOLLOW, O_NOFOLLOW, O_PATH } from '../../native/abi/fcntl.ts'
import { S_IFLNK, S_IFMT } from '../../native/abi/stat.ts'
import { deviceNumber, type Stat } from '../../native/calls/stat.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Result } from '../../native/kernels/result.ts'
import { doing } from '../errors.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { BindDeviceStep, DeviceStep, MknodStep } from '../plan/devices/devices.ts'
import type { Warn } from '../runtime.ts'
import type { ContainerRoot } from './containerRoot.ts'
import { nodeTypes, PlacedShelf } from './deviceNodes.ts'
import { openBehindLinks } from './links.ts'
import type { MountSite } from './mounts.ts'
import { changeMode } from './procfs.ts'
import { sourceOf } from './sources.ts'

/** Looks, once the kernel has answered, whether what is there is what was wanted. */
type LateCheck = () => void

/**
 * Device nodes, devices bound from the host, and links; see config-linux.md#devices. What it returns is to be called when
 * they have been made.
 */
export function makeDevices(root: ContainerRoot, { devices }: ContainerPlan, site: MountSite, warn: Warn): LateCheck {
  const { shelf } = site.sources
  using placed = shelf && new PlacedShelf(root, site.executor, shelf)
  const checks = devices.map(step => doing(`device \`${step.path}\``, () => makeDevice(root, step, site, placed, warn)))
  return () => {
    for (const check of checks) check?.()
  }
}

function makeDevice(
  root: ContainerRoot,
  step: DeviceStep,
  site: MountSite,
  shelf: PlacedShelf | undefined,
  warn: Warn,
): LateCheck | undefined {
  switch (step.op) {
    case 'mknod':
      return makeNode(root, step, warn)
    case 'bind':
      return bindDevice(root, step, site, shelf)
    case 'symlink':
      return makeLink(root, step.path, step.target)
    default:
      step satisfies never
  }
}

function makeNode(root: ContainerRoot, step: MknodStep, warn: Warn): LateCheck {
  const { inside } = root
  const { parent, name } = root.parentOf(step.path)
  const made = mknod(inside, step, parent, name)
  const pending = inside.statx(parent, name, AT_SYMLINK_NOFOLLOW)
  return () => {
    const isNew = made.value >= 0
    if (isNode(pending.stat, step) && (!isNew || isAsWanted(pending.stat, step))) return
    // Nothing is done by the name: what has to be changed is opened, and looked at once more.
    if (changeNode(root, step, parent, name, isNew)) return
    warn(`device \`${step.path}\`: the root file system has something else there, which is left as it is`)
  }
}

function mknod(
  inside: Kernel<'inside'>,
  { type, mode, major, minor }: MknodStep,
  directory: Fd<'inside'>,
  name: string,
): Result {
  return inside.mknodat(directory, name, nodeTypes[type] | mode, deviceNumber(major, minor), [EEXIST])
}

function isAsWanted(stat: Stat, step: MknodStep): boolean {
  return hasMode(stat, step) && hasOwner(stat, step)
}

function hasMode(stat: Stat, { mode }: MknodStep): boolean {
  return (stat.mode & 0o7777) === mode
}

/** Without a word about the owner it stays who it is. */
function hasOwner(stat: Stat, { uid, gid }: MknodStep): boolean {
  return (uid === 0 && gid === 0) || (stat.uid === uid && stat.gid === gid)
}

function isNode(stat: Stat | undefined, { type, major, minor }: MknodStep): stat is Stat {
  if (stat === undefined || (stat.mode & S_IFMT) !== nodeTypes[type]) return false
  return type === 'fifo' || (stat.rdevMajor === major && stat.rdevMinor === minor)
}

/**
 * Gives owner and mode to a node that was made here; where a link is, to the one that it leads to, made if it leads nowhere.
 * One that the image has keeps its own. False when what is there is something else: crun and runc leave it to the image.
 */
function changeNode(
  root: ContainerRoot,
  step: MknodStep,
  parent: Fd<'inside'>,
  name: string,
  wasMade: boolean,
): boolean {
  const { inside } = root
  using there = inside.openat(parent, name, O_PATH | O_NOFOLLOW)
  const isLink = ((inside.statx(there, '').stat?.mode ?? 0) & S_IFMT) === S_IFLNK
  let isNew = wasMade && !isLink
  const make = (directory: Fd<'inside'>, last: string) => {
    mknod(inside, step, directory, last)
    isNew = true
  }
  using behind = isLink ? openBehindLinks(inside, root.fd, step.path, make) : undefined
  const node = behind ?? there
  const { stat } = inside.statx(node, '')
  if (!isNode(stat, step)) return false
  if (!isNew) return true
  if (!hasOwner(stat, step)) inside.fchownat(node, '', step.uid, step.gid)
  if (!hasMode(stat, step)) changeMode(inside, node, step.mode)
  return true
}

function bindDevice(root: ContainerRoot, step: BindDeviceStep, site: MountSite, shelf?: PlacedShelf): undefined {
  const tree = shelf?.mountOf(step) ?? sourceOf(site.executor, site.sources, step).tree
  root.inside.moveMount(tree, root.file(step.path))
}

function makeLink(root: ContainerRoot, path: string, target: string): undefined {
  const { parent, name } = root.parentOf(path)
  root.inside.symlinkat(target, parent, name, [EEXIST])
}
