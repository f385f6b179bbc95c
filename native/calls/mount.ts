import { AT_EMPTY_PATH, AT_FDCWD } from '../abi/fcntl.ts'
import { MOUNT_ATTR, STATX } from '../abi/layout/file.ts'
import {
  AT_RECURSIVE,
  AT_STATX_DONT_SYNC,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_SET_FD,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  FSPICK_CLOEXEC,
  FSPICK_EMPTY_PATH,
  MNT_DETACH,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS_MOVE,
  MS_REMOUNT,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  OPEN_TREE_NAMESPACE,
} from '../abi/mount.ts'
import { STATX_ATTR_MOUNT_ROOT, STATX_MNT_ID, STATX_MNT_ID_UNIQUE } from '../abi/stat.ts'
import { Fd } from '../fd.ts'
import type { Call, Calls } from '../kernels/machine.ts'
import { Out, Words } from '../struct.ts'
import type { Dir } from './stat.ts'

/** What mount_setattr(2) changes: attributes, propagation, and the user namespace of an id-mapped mount. */
export interface MountAttributes {
  readonly set?: number
  readonly clear?: number
  /** MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE. */
  readonly propagation?: number
  readonly userNamespace?: Fd
}

/** Which mount a file is in, and whether it is the root of that. */
export interface MountPlace {
  readonly id: bigint
  readonly isRoot: boolean
}

export const mountCalls = {
  /** open_tree(dir, path, OPEN_TREE_CLONE | AT_RECURSIVE?): a detached copy of the mount there, see open_tree(2). */
  openTree(
    this: Calls,
    dir: Dir,
    path: string,
    recursive: boolean,
    noFollow = 0,
    hint?: Call['hint'],
    tolerate?: Call['tolerate'],
  ): Fd {
    const empty = path === '' ? AT_EMPTY_PATH : 0
    const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | empty | (recursive ? AT_RECURSIVE : 0) | noFollow
    const subject = path === '' && dir instanceof Fd ? dir.subject : path
    const result = this.later({
      name: 'open_tree',
      args: [dir, path, flags],
      subject: `\`${subject}\``,
      hint,
      tolerate,
    })
    return new Fd(this, result, subject)
  },

  /**
   * open_tree(tree, "", OPEN_TREE_NAMESPACE | AT_EMPTY_PATH | AT_RECURSIVE): a new mount namespace, in which a copy of that tree
   * is all that there is. Without one where it is refused.
   */
  openTreeAsNamespace(this: Calls, tree: Fd): Fd {
    const args = [tree, '', OPEN_TREE_NAMESPACE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE]
    const result = this.now({ name: 'open_tree', args, subject: tree.subject, tolerate: 'any' })
    return new Fd(this, result, tree.subject)
  },

  /** fsopen(type, FSOPEN_CLOEXEC): the configuration of a new file system, see fsopen(2). */
  fsopen(this: Calls, type: string, tolerate?: Call['tolerate']): Fd {
    const hint = { ENODEV: 'this kernel does not have that file system' }
    const result = this.later({ name: 'fsopen', args: [type, FSOPEN_CLOEXEC], subject: type, hint, tolerate })
    return new Fd(this, result, type)
  },

  /** fsconfig(fs, FSCONFIG_SET_STRING, key, value), see fsconfig(2). */
  fsconfigString(this: Calls, fs: Fd, key: string, value: string): void {
    const hint = { EINVAL: `Invalid argument: ${fs.subject} does not take this option or value` }
    const args = [fs, FSCONFIG_SET_STRING, key, value, 0]
    this.later({ name: 'fsconfig', args, subject: `\`${key}=${value}\``, hint })
  },

  /** fsconfig(fs, FSCONFIG_SET_FLAG, key), see fsconfig(2). `guess` is asked, when it fails, what may have been meant. */
  fsconfigFlag(this: Calls, fs: Fd, key: string, guess?: () => string | undefined): void {
    const hint = {
      get EINVAL() {
        const meant = guess?.()
        const question = meant === undefined ? '' : `; did you mean \`${meant}\`?`
        return `Invalid argument: ${fs.subject} does not take this option${question}`
      },
    }
    this.later({ name: 'fsconfig', args: [fs, FSCONFIG_SET_FLAG, key, null, 0], subject: `\`${key}\``, hint })
  },

  /** fsconfig(fs, FSCONFIG_SET_FD, key, fd), see fsconfig(2). */
  fsconfigFd(this: Calls, fs: Fd, key: string, fd: Fd): void {
    this.later({ name: 'fsconfig', args: [fs, FSCONFIG_SET_FD, key, null, fd], subject: `\`${key}\`` })
  },

  /** fsconfig(fs, FSCONFIG_CMD_CREATE): makes the superblock, see fsconfig(2). */
  fsconfigCreate(this: Calls, fs: Fd, tolerate?: Call['tolerate']): { readonly value: number } {
    const args = [fs, FSCONFIG_CMD_CREATE, null, null, 0]
    const hint = {
      EPERM: 'not allowed in this user namespace',
      ENOSPC: 'too many mounts, see /proc/sys/fs/mount-max',
    }
    return this.later({ name: 'fsconfig', args, subject: `create ${fs.subject}`, tolerate, hint })
  },

  /** fspick(mount, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC): an existing file system, to be reconfigured; fspick(2). */
  fspick(this: Calls, mount: Fd): Fd {
    const result = this.later({
      name: 'fspick',
      args: [mount, '', FSPICK_EMPTY_PATH | FSPICK_CLOEXEC],
      subject: `\`${mount.subject}\``,
    })
    return new Fd(this, result, mount.subject)
  },

  /** fsconfig(fs, FSCONFIG_CMD_RECONFIGURE), see fsconfig(2). */
  fsconfigReconfigure(this: Calls, fs: Fd): void {
    const args = [fs, FSCONFIG_CMD_RECONFIGURE, null, null, 0]
    this.later({ name: 'fsconfig', args, subject: `reconfigure ${fs.subject}` })
  },

  /** fsmount(fs, FSMOUNT_CLOEXEC, attributes): a detached mount of it, see fsmount(2). */
  fsmount(this: Calls, fs: Fd, attributes: number, tolerate?: Call['tolerate'], instead?: Call['instead']): Fd {
    const args = [fs, FSMOUNT_CLOEXEC, attributes]
    const result = this.later({ name: 'fsmount', args, subject: fs.subject, tolerate, instead })
    return new Fd(this, result, fs.subject)
  },

  /** mount_setattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE?, attributes), see mount_setattr(2). */
  mountSetattr(
    this: Calls,
    mount: Fd,
    recursive: boolean,
    attributes: MountAttributes,
    hint?: Call['hint'],
    tolerate?: Call['tolerate'],
  ): void {
    const { set = 0, clear = 0, propagation = 0, userNamespace = 0 } = attributes
    const attr = new Words([set, clear, propagation, userNamespace]) // struct mount_attr
    const args = [mount, '', AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attr, MOUNT_ATTR.size]
    this.later({ name: 'mount_setattr', args, subject: `\`${mount.subject}\``, hint, tolerate })
  },

  /** move_mount(mount, "", target, "", ...EMPTY_PATH): attaches a detached mount to a directory or file by descriptor. */
  moveMount(this: Calls, mount: Fd, target: Fd): void {
    const args = [mount, '', target, '', MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH]
    const hint = {
      ENOSPC: 'too many mounts, see /proc/sys/fs/mount-max',
      EINVAL: 'not a directory over a directory, nor a file over a file: nothing else can be mounted',
      ELOOP: 'a file in it holds a mount namespace that counts as older than the one here',
    }
    this.later({ name: 'move_mount', args, subject: `\`${target.subject}\``, hint })
  },

  /** move_mount(mount, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH | more): the same to a path of the host. */
  moveMountToPath(this: Calls, mount: Fd, path: string, more = 0): void {
    const args = [mount, '', AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH | more]
    this.later({ name: 'move_mount', args, subject: `\`${path}\`` })
  },

  /**
   * statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID_UNIQUE or STATX_MNT_ID): the mount that the descriptor is in, see statx(2).
   * With `unique` an id that no other mount gets until the next boot, where the kernel has such (since 6.8); else the one
   * that mountinfo shows.
   */
  mountOf(this: Calls, fd: Fd, unique = false): MountPlace {
    const out = new Out(STATX.size)
    const mask = unique ? STATX_MNT_ID | STATX_MNT_ID_UNIQUE : STATX_MNT_ID
    const flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC
    this.now({ name: 'statx', args: [fd, '', flags, mask, out], subject: `\`${fd.subject}\`` })
    const attributes = out.view.getUint32(STATX.stx_attributes, true)
    return { id: out.view.getBigUint64(STATX.stx_mnt_id, true), isRoot: (attributes & STATX_ATTR_MOUNT_ROOT) !== 0 }
  },

  /** mount(NULL, path, NULL, propagation, NULL): MS_SLAVE, MS_PRIVATE ... | MS_REC, see mount(2). */
  mountPropagation(this: Calls, path: string, propagation: number): void {
    this.later({ name: 'mount', args: [null, path, null, propagation, null], subject: `propagation of \`${path}\`` })
  },

  /** mount(source, path, type, flags, options), see mount(2): options of up to a page. */
  mountNew(this: Calls, source: string, path: string, type: string, flags: number, options: string): void {
    const hint = {
      EINVAL: `${type} does not take these options`,
      ENODEV: 'this kernel does not have that file system',
      EPERM: 'not allowed in this user namespace',
    }
    this.later({ name: 'mount', args: [source, path, type, flags, options], subject: type, hint })
  },

  /** mount(NULL, path, NULL, MS_REMOUNT | flags, options), see mount(2). */
  remount(this: Calls, path: string, flags: number, options: string): void {
    this.later({ name: 'mount', args: [null, path, null, MS_REMOUNT | flags, options], subject: 'reconfigure' })
  },

  /** mount(source, path, NULL, MS_MOVE, NULL), see mount(2). */
  mountMove(this: Calls, source: string, path: string): void {
    this.later({
      name: 'mount',
      args: [source, path, null, MS_MOVE, null],
      subject: `move \`${source}\` to \`${path}\``,
    })
  },

  /** umount2(path, MNT_DETACH), see umount(2). */
  detach(this: Calls, path: string, tolerate?: Call['tolerate']): void {
    this.later({ name: 'umount2', args: [path, MNT_DETACH], subject: `\`${path}\``, tolerate })
  },

  /** pivot_root(".", "."): the current directory becomes the root, with the old root stacked on it; pivot_root(2), notes. */
  pivotRoot(this: Calls): void {
    const hint = { EINVAL: 'the root of this mount namespace is an initramfs, which can not be left; try --no-pivot' }
    this.later({ name: 'pivot_root', args: ['.', '.'], hint })
  },
}
