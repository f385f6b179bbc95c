import { EACCES, EINVAL, ENOENT, ENOSPC, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_NOFOLLOW, O_PATH } from '../../native/abi/fcntl.ts'
import {
  FSMOUNT_CLOEXEC,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
} from '../../native/abi/mount.ts'
import { S_IFCHR, S_IFDIR, S_IFMT } from '../../native/abi/stat.ts'
import type { PendingStat } from '../../native/calls/stat.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { doing, HostError } from '../errors.ts'
import type { DeviceStep } from '../plan/devices/devices.ts'
import type { Parameter } from '../plan/mounts/mountOptions.ts'
import type { ContainerRoot } from './containerRoot.ts'
import { DEVICE_ATTRIBUTES } from './deviceNodes.ts'

/** Missing paths are skipped: the lists of podman and docker name files of many kernels. */
const MAY_BE_MISSING = [ENOENT, EACCES, ENOTDIR]

const NULL = '/dev/null'

const SAFE = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC

/** The null device to lay over masked files, and what the kernel says it is. */
export interface NullDevice {
  readonly fd: Fd<'inside'>
  readonly stat: PendingStat
}

/**
 * The null device that was made in the root, so that nothing of the host is in the container for it; the host's where none
 * was. To be called when devices are there and the root is still the host's, and believed when the kernel has said what it
 * is: /dev/null of an image could be a link to anything (CVE-2025-31133).
 */
export function openNull(root: ContainerRoot, devices: readonly DeviceStep[]): NullDevice {
  const { inside } = root
  const fd = devices.some(isNull)
    ? root.open(NULL, O_NOFOLLOW)
    : inside.openat(AT_FDCWD, NULL, O_PATH | O_NOFOLLOW).take()
  return { fd, stat: inside.statx(fd, '') }
}

/** Is this the null device, at its place? */
export function isNull(step: DeviceStep): boolean {
  return step.op !== 'symlink' && step.path === NULL && step.type === 'char' && step.major === 1 && step.minor === 3
}

function checkNull({ stat: { stat } }: NullDevice): void {
  if (stat === undefined || (stat.mode & S_IFMT) !== S_IFCHR || stat.rdevMajor !== 1 || stat.rdevMinor !== 3)
    throw new HostError('/dev/null is not the null device (character device 1:3), so paths can not be masked')
}

/** Opens those of `paths` that are there, each once; what it returns tells which. */
function openExisting(
  root: ContainerRoot,
  paths: readonly string[],
): () => { fd: Fd<'inside'>; isDirectory: boolean }[] {
  const opened = [...new Set(paths)].map(path => root.openIfThere(path, MAY_BE_MISSING))
  return () =>
    opened.flatMap(found => {
      const { fd, stat } = found()
      return stat.stat === undefined ? [] : [{ fd, isDirectory: (stat.stat.mode & S_IFMT) === S_IFDIR }]
    })
}

/**
 * config.json#/linux/maskedPaths: an empty read-only tmpfs over directories, one for all of them, and the null device
 * over files. What it returns does it, so that all questions about paths are one exchange.
 */
export function maskPaths(
  root: ContainerRoot,
  paths: readonly string[],
  nullDevice: NullDevice,
  label: Parameter | undefined,
): () => void {
  const { inside } = root
  const existing = openExisting(root, paths)
  return () => {
    checkNull(nullDevice)
    const file = new Cover(inside, () => readonlyNull(inside, nullDevice))
    const directory = new Cover(inside, () => emptyDirectory(inside, label))
    for (const { fd, isDirectory } of existing())
      doing(`mask \`${fd.subject}\``, () => (isDirectory ? directory : file).over(fd))
  }
}

/** One mount in as many places as there are: made for the first, and the others are copies of what is there. */
class Cover {
  readonly #inside: Kernel<'inside'>
  readonly #make: () => Fd<'inside'>
  #mount: Fd<'inside'> | undefined

  constructor(inside: Kernel<'inside'>, make: () => Fd<'inside'>) {
    this.#inside = inside
    this.#make = make
  }

  over(target: Fd<'inside'>): void {
    const mount = this.#mount ? this.#inside.openTree(this.#mount, '', false).take() : this.#make()
    this.#mount ??= mount
    this.#inside.moveMount(mount, target)
  }
}

function readonlyNull(inside: Kernel<'inside'>, { fd }: NullDevice): Fd<'inside'> {
  const mount = inside.openTree(fd, '', false).take()
  inside.mountSetattr(mount, false, { set: DEVICE_ATTRIBUTES, clear: MOUNT_ATTR_NODEV, propagation: MS_PRIVATE })
  return mount
}

/** Some kernels refuse a tmpfs that has room for its root alone; nothing can be made in a read-only one with room for more either. */
function emptyDirectory(inside: Kernel<'inside'>, label: Parameter | undefined): Fd<'inside'> {
  const attributes = MOUNT_ATTR_RDONLY | SAFE
  const fs = emptyTmpfs(inside, 1, label, [EINVAL, ENOSPC])
  // There is no file system to be mounted then.
  const instead: Call['instead'] = errno =>
    errno === EINVAL
      ? { name: 'fsmount', args: [emptyTmpfs(inside, 2, label), FSMOUNT_CLOEXEC, attributes], subject: fs.subject }
      : undefined
  return inside.fsmount(fs, attributes, undefined, instead).take()
}

function emptyTmpfs(
  inside: Kernel<'inside'>,
  inodes: number,
  label: Parameter | undefined,
  tolerate?: Call['tolerate'],
): Fd<'inside'> {
  const fs = inside.fsopen('tmpfs').take()
  inside.fsconfigString(fs, 'source', 'tmpfs')
  inside.fsconfigString(fs, 'nr_blocks', '1')
  inside.fsconfigString(fs, 'nr_inodes', String(inodes))
  inside.fsconfigString(fs, 'mode', '0555')
  if (label !== undefined) inside.fsconfigString(fs, label.key, label.value!)
  inside.fsconfigCreate(fs, tolerate)
  return fs
}

/** config.json#/linux/readonlyPaths: the path bound onto itself, read-only with everything below; as in maskPaths. */
export function makePathsReadonly(root: ContainerRoot, paths: readonly string[]): () => void {
  const { inside } = root
  const existing = openExisting(root, paths)
  return () => {
    for (const { fd } of existing())
      doing(`make \`${fd.subject}\` read-only`, () => {
        const copy = inside.openTree(fd, '', true).take()
        inside.mountSetattr(copy, true, { set: MOUNT_ATTR_RDONLY })
        inside.moveMount(copy, fd)
      })
  }
}
