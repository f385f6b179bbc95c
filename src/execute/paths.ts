import { EACCES, EBADF, ENOENT, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_NOFOLLOW, O_PATH } from '../../native/abi/fcntl.ts'
import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY } from '../../native/abi/mount.ts'
import { S_IFCHR, S_IFDIR, S_IFMT } from '../../native/abi/stat.ts'
import type { PendingStat } from '../../native/calls/file.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing, HostError } from '../errors.ts'
import type { Parameter } from '../plan/mountOptions.ts'
import type { ContainerRoot } from './containerRoot.ts'

/** Missing paths are skipped: the lists of podman and docker name files of many kernels. */
const MAY_BE_MISSING = [ENOENT, EACCES, ENOTDIR]

const SAFE = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC

/** The host's /dev/null, to lay over masked files, and what the kernel says it is. */
export interface NullDevice {
  readonly fd: Fd
  readonly stat: PendingStat
}

/** To be called before the root changes: the container's own /dev/null could be a link to anything (CVE-2025-31133). */
export function openNull(inside: Kernel): NullDevice {
  const fd = inside.openat(AT_FDCWD, '/dev/null', O_PATH | O_NOFOLLOW).take()
  return { fd, stat: inside.statx(fd, '') }
}

function checkNull({ stat: { stat } }: NullDevice): void {
  if (stat === undefined || (stat.mode & S_IFMT) !== S_IFCHR || stat.rdevMajor !== 1 || stat.rdevMinor !== 3)
    throw new HostError(
      '/dev/null of the host is not the null device (character device 1:3), so paths can not be masked',
    )
}

/** Opens those of `paths` that are there; what it returns tells which. */
function openExisting(root: ContainerRoot, paths: readonly string[]): () => { fd: Fd; isDirectory: boolean }[] {
  const opened = paths.map(path => {
    const fd = root.open(path, 0, 0, MAY_BE_MISSING)
    return { fd, pending: root.inside.statx(fd, '', 0, [EBADF]) }
  })
  return () =>
    opened.flatMap(({ fd, pending }) => {
      const stat = pending.stat
      return stat === undefined ? [] : [{ fd, isDirectory: (stat.mode & S_IFMT) === S_IFDIR }]
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
    let empty: Fd | undefined
    for (const { fd, isDirectory } of existing())
      doing(`mask \`${fd.subject}\``, () => {
        if (!isDirectory) inside.moveMount(inside.openTree(nullDevice.fd, '', false).take(), fd)
        else if (empty === undefined) {
          empty = emptyDirectory(inside, label)
          inside.moveMount(empty, fd)
        } else inside.moveMount(inside.openTree(empty, '', false).take(), fd)
      })
  }
}

function emptyDirectory(inside: Kernel, label: Parameter | undefined): Fd {
  const fs = inside.fsopen('tmpfs').take()
  inside.fsconfigString(fs, 'source', 'tmpfs')
  inside.fsconfigString(fs, 'nr_blocks', '1')
  inside.fsconfigString(fs, 'nr_inodes', '1')
  inside.fsconfigString(fs, 'mode', '0555')
  if (label !== undefined) inside.fsconfigString(fs, label.key, label.value!)
  inside.fsconfigCreate(fs)
  return inside.fsmount(fs, MOUNT_ATTR_RDONLY | SAFE).take()
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
