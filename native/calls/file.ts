import { EEXIST, ENOENT, EOPNOTSUPP } from '../abi/errno.ts'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  CLOSE_RANGE_CLOEXEC,
  F_ADD_SEALS,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  FD_CLOEXEC,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_WRONLY,
} from '../abi/fcntl.ts'
import { DIRENT64, OPEN_HOW, STATFS, STATX } from '../abi/layout/file.ts'
import { STATX_BASIC_STATS } from '../abi/stat.ts'
import { Failure, isErrno } from '../failure.ts'
import { Fd } from '../fd.ts'
import { type Call, type Calls, settled } from '../kernels/machine.ts'
import type { Result } from '../kernels/result.ts'
import { Out, Room, Words } from '../struct.ts'
import { decode, encode } from '../utf8.ts'
import { type Dir, PendingStat } from './stat.ts'
import { walk, type Walker } from './walk.ts'

/** The longest value that getxattr() takes. */
const XATTR_SIZE = 8192
/** XATTR_LIST_MAX and XATTR_SIZE_MAX of <linux/limits.h>. */
const XATTR_LIST_SIZE = 65536
const READ_PIECE = 1 << 16
/** The most that readAll() reads, far above what any file of a kernel or a caller has: whoever makes it longer means harm. */
export const READ_MOST = 64 << 20
/** The most names of one directory, for the same reason. */
const NAMES_MOST = 1 << 20
const WRITE_PIECE = 1 << 18

/** The name of a file as the kernel has it: bytes, which need not be text, and a NUL. */
export type Name = Uint8Array

/** A name as messages show it. */
export function textOf(name: Name): string {
  return decode(name.subarray(0, name.length - 1))
}

function quoted(path: string | Name): string {
  return `\`${path instanceof Uint8Array ? textOf(path) : path}\``
}

/** <dirent.h>, the type of an entry. */
const DT_DIR = 4
const DENTS_SIZE = 32768

function tooMuch(fd: Fd | number, most: string): Failure {
  return new Failure(`${fd instanceof Fd ? `\`${fd.subject}\`` : `descriptor ${fd}`} has more than ${most}`)
}

/** What `pick` makes of the entries of a directory, without `.` and `..` and where it is not undefined. */
function entries<T>(calls: Calls, fd: Fd, pick: (name: Name, type: number) => T | undefined): T[] {
  const found: T[] = []
  for (;;) {
    const out = new Room(DENTS_SIZE)
    const args = [fd, out, DENTS_SIZE]
    const length = calls.now({ name: 'getdents64', args, subject: `\`${fd.subject}\``, tolerate: [ENOENT] })
    if (length <= 0) return found
    if (found.length > NAMES_MOST) throw tooMuch(fd, `${NAMES_MOST} names`)
    const { view } = out
    for (let at = 0; at < length; at += view.getUint16(at + DIRENT64.d_reclen, true)) {
      const start = at + DIRENT64.d_name
      const name = out.bytes.slice(start, out.bytes.indexOf(0, start) + 1)
      const picked = isDots(name) ? undefined : pick(name, view.getUint8(at + DIRENT64.d_type))
      if (picked !== undefined) found.push(picked)
    }
  }
}

const DOT = 0x2e

function isDots(name: Name): boolean {
  return name[0] === DOT && (name.length === 2 || (name[1] === DOT && name.length === 3))
}

interface FileReads {
  readAtMost(fd: Fd | number, limit: number): Uint8Array | undefined
}

/** The descriptors that are open, as /proc/self/fd has them; undefined when there is none. */
export function openDescriptors(calls: Calls): number[] | undefined {
  const args = [AT_FDCWD, '/proc/self/fd', O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0]
  using fd = new Fd(calls, calls.now({ name: 'openat', args, tolerate: 'any' }), '/proc/self/fd')
  return fd.exists ? entries(calls, fd, name => Number(textOf(name))) : undefined
}

/**
 * close_range(first, last, flags): closes all descriptors from `first` to `last`, or with CLOSE_RANGE_CLOEXEC has the next
 * execve do so; see close_range(2). One by one where that is denied.
 */
export function closeRangeCall(calls: Calls, first: number, last: number, flags: number): Call {
  const one = (fd: number): Call =>
    flags === CLOSE_RANGE_CLOEXEC
      ? { name: 'fcntl', args: [fd, F_SETFD, FD_CLOEXEC], tolerate: 'any' }
      : { name: 'close', args: [fd], tolerate: 'any' }
  const older = (): Call | undefined => {
    const found = calls.descriptors(first, last)
    if (found === undefined) return undefined
    for (const fd of found) calls.later(one(fd))
    return settled(0)
  }
  return { name: 'close_range', args: [first, last, flags], older }
}

/** What takes the place of openat2(2) where it is denied: it has been done by then. */
function walked(files: Walker, call: Call): Call {
  const [dir, path, how] = call.args as [Dir, string, Words, number]
  const [flags, , resolve] = how.values as [number, number, number]
  const { subject, tolerate, hint, instead } = call
  return { ...settled(walk(files, dir, path, flags, resolve)), standsFor: 'openat2', subject, tolerate, hint, instead }
}

/** From modeLater(). */
export function modeOf({ value }: Result): number {
  return Math.floor(value / 0x1_0000_0000) & 0xffff
}

export const fileCalls = {
  /** openat(dir, path, flags | O_CLOEXEC, mode), see openat(2). For paths of the host, which are trusted. */
  openat(this: Calls, dir: Dir, path: string | Name, flags: number, mode = 0, tolerate?: Call['tolerate']): Fd {
    const args = [dir, path, flags | O_CLOEXEC, mode]
    const shown = typeof path === 'string' ? path : textOf(path)
    return new Fd(this, this.later({ name: 'openat', args, subject: `\`${shown}\``, tolerate }), shown)
  },

  /** openat2(dir, path, {flags | O_CLOEXEC, 0, resolve}), see openat2(2). For every path inside the container. */
  openat2(
    this: Calls,
    dir: Dir,
    path: string,
    flags: number,
    resolve: number,
    tolerate?: Call['tolerate'],
    hint?: Call['hint'],
    instead?: Call['instead'],
  ): Fd {
    const how = new Words([flags | O_CLOEXEC, 0, resolve]) // struct open_how
    const subject = `\`${path}\``
    const older = (call: Call) => walked(this as Walker, call)
    const args = [dir, path, how, OPEN_HOW.size]
    return new Fd(this, this.later({ name: 'openat2', args, subject, tolerate, hint, instead, older }), path)
  },

  /** See closeRangeCall(). */
  closeRange(this: Calls, first: number, last: number, flags: number): void {
    this.later(closeRangeCall(this, first, last, flags))
  },

  /** fcntl(fd, F_DUPFD_CLOEXEC, minimum): the same open file under a number of at least `minimum`. */
  duplicate(this: Calls, fd: Fd | number, minimum: number): Fd {
    const args = [fd, F_DUPFD_CLOEXEC, minimum]
    return new Fd(this, this.later({ name: 'fcntl', args }), fd instanceof Fd ? fd.subject : `descriptor ${fd}`)
  },

  /** fcntl(fd, F_SETFL, flags), see fcntl(2). */
  setStatusFlags(this: Calls, fd: Fd, flags: number): void {
    this.later({ name: 'fcntl', args: [fd, F_SETFL, flags] })
  },

  /** fcntl(fd, F_GETFL): access mode and status flags, see fcntl(2). */
  statusFlags(this: Calls, fd: Fd | number): number {
    return this.now({ name: 'fcntl', args: [fd, F_GETFL] })
  },

  /** fcntl(fd, F_GETFD): is this descriptor open? */
  isOpen(this: Calls, fd: number): boolean {
    return this.now({ name: 'fcntl', args: [fd, F_GETFD], tolerate: 'any' }) >= 0
  },

  /** fcntl(fd, F_SETFD, 0): the descriptor survives an execve; see fcntl(2). */
  keepOpen(this: Calls, fd: Fd | number): void {
    this.later({ name: 'fcntl', args: [fd, F_SETFD, 0] })
  },

  /** pipe2(fds, O_CLOEXEC): the end to read from and the end to write to; see pipe(2). */
  pipe(this: Calls): [Fd, Fd] {
    const out = new Out(8)
    this.now({ name: 'pipe2', args: [out, O_CLOEXEC] })
    const end = (at: number) => new Fd(this, out.view.getInt32(at, true), 'pipe')
    return [end(0), end(4)]
  },

  /** dup3(from, to, flags), see dup(2). */
  dup3(this: Calls, from: Fd | number, to: number, flags: number): void {
    this.later({ name: 'dup3', args: [from, to, flags] })
  },

  /** read(fd, buffer, size): up to `size` bytes; none at the end, nor after an errno of `tolerate`. */
  read(this: Calls, fd: Fd | number, size: number, tolerate?: Call['tolerate']): Uint8Array {
    const out = new Room(size)
    const subject = fd instanceof Fd ? `\`${fd.subject}\`` : undefined
    this.now({ name: 'read', args: [fd, out, size], subject, tolerate })
    return out.bytes
  },

  /** write(fd, bytes, length) until all is written. */
  writeAll(this: Calls, fd: Fd | number, data: Uint8Array | string): void {
    const bytes = typeof data === 'string' ? encode(data) : data
    const subject = fd instanceof Fd ? `\`${fd.subject}\`` : undefined
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + WRITE_PIECE)
      at += this.now({ name: 'write', args: [fd, piece, piece.length], subject })
    }
  },

  /** One write(2) of `text`, whose result nobody needs: files of procfs and cgroups take all or nothing. */
  writeText(
    this: Calls,
    fd: Fd | number,
    text: string,
    subject?: string,
    hint?: Call['hint'],
    tolerate?: Call['tolerate'],
  ): void {
    const bytes = encode(text)
    const what = subject ?? (fd instanceof Fd ? `\`${fd.subject}\`` : undefined)
    this.later({ name: 'write', args: [fd, bytes, bytes.length], subject: what, hint, tolerate })
  },

  /** sendfile(to, from, NULL, size) until all is copied, without passing through this process; see sendfile(2). */
  copyAll(this: Calls, from: Fd, to: Fd, size: number): void {
    for (let left = size; left > 0; ) {
      const copied = this.now({ name: 'sendfile', args: [to, from, null, left], subject: `\`${from.subject}\`` })
      if (copied === 0) return
      left -= copied
    }
  },

  /** Everything from the descriptor's position to its end. Errors: Failure when that is more than READ_MOST bytes. */
  readAll(this: Calls & FileReads, fd: Fd | number): Uint8Array {
    const bytes = this.readAtMost(fd, READ_MOST)
    if (bytes === undefined) throw tooMuch(fd, `${READ_MOST >> 20} MiB`)
    return bytes
  },

  /** The same; undefined when that is more than `limit` bytes. */
  readAtMost(this: Calls, fd: Fd | number, limit: number): Uint8Array | undefined {
    const subject = fd instanceof Fd ? `\`${fd.subject}\`` : undefined
    const pieces: Uint8Array[] = []
    let total = 0
    for (;;) {
      const out = new Room(READ_PIECE)
      const got = this.now({ name: 'read', args: [fd, out, READ_PIECE], subject })
      if (got === 0) break
      pieces.push(out.bytes)
      total += got
      if (total > limit) return undefined
    }
    if (pieces.length === 1) return pieces[0]!
    const all = new Uint8Array(total)
    let at = 0
    for (const piece of pieces) {
      all.set(piece, at)
      at += piece.length
    }
    return all
  },

  /**
   * statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS): file type and permissions, to be read by modeOf(), as the result of a
   * call: for a series, of which nothing comes back that was written to memory. Not where statx(2) is denied.
   */
  modeLater(this: Calls, fd: Fd): Result {
    const out = new Out(STATX.size)
    const args = [fd, '', AT_EMPTY_PATH, STATX_BASIC_STATS, out]
    this.later({ name: 'statx', args, subject: `\`${fd.subject}\`` })
    return this.later({ name: 'load', args: [out.address + STATX.stx_gid], tolerate: 'any' }) // that, and the mode behind it
  },

  /** statx(dir, path, flags, STATX_BASIC_STATS), see statx(2); an empty path means `dir` itself. */
  statx(this: Calls, dir: Dir, path: string, flags = 0, tolerate: Call['tolerate'] = [ENOENT]): PendingStat {
    const all = path === '' ? flags | AT_EMPTY_PATH : flags
    const subject = path === '' && dir instanceof Fd ? dir.subject : path
    return new PendingStat(this, dir, path, all, `\`${subject}\``, tolerate)
  },

  /** fstatfs(fd): the magic number of the file system, see statfs(2). */
  fileSystemType(this: Calls, fd: Fd): number {
    const out = new Out(STATFS.size)
    this.now({ name: 'fstatfs', args: [fd, out], subject: `\`${fd.subject}\`` })
    return out.view.getUint32(STATFS.f_type, true)
  },

  /** fstatfs(fd): f_flags, ST_RDONLY and so on, of the mount that the descriptor is in; see statfs(2). */
  mountStatus(this: Calls, fd: Fd): number {
    const out = new Out(STATFS.size)
    this.now({ name: 'fstatfs', args: [fd, out], subject: `\`${fd.subject}\`` })
    return out.view.getUint32(STATFS.f_flags, true)
  },

  /** statfs(path): the magic number of the file system of what is at a path, undefined when there is nothing. */
  fileSystemTypeAt(this: Calls, path: string): number | undefined {
    const out = new Out(STATFS.size)
    const result = this.now({ name: 'statfs', args: [path, out], subject: `\`${path}\``, tolerate: [ENOENT] })
    return result < 0 ? undefined : out.view.getUint32(STATFS.f_type, true)
  },

  /** readlinkat(dir, path): the target; an empty path means the link that `dir` is. See readlink(2). */
  readlinkat(this: Calls, dir: Dir, path: string): string {
    const out = new Room(4096)
    const subject = path === '' && dir instanceof Fd ? dir.subject : path
    this.now({ name: 'readlinkat', args: [dir, path, out, 4096], subject: `\`${subject}\`` })
    return decode(out.bytes)
  },

  /** The target of a link, as the kernel has it. */
  readlinkName(this: Calls, link: Fd): Name {
    const out = new Room(4096)
    this.now({ name: 'readlinkat', args: [link, '', out, 4096], subject: `\`${link.subject}\`` })
    const target = new Uint8Array(out.bytes.length + 1)
    target.set(out.bytes)
    return target
  },

  /** The names in a directory, without `.` and `..`; none in one that was removed meanwhile. See getdents(2). */
  readDirectory(this: Calls, fd: Fd): string[] {
    return entries(this, fd, name => textOf(name))
  },

  /** The names in a directory, as the kernel has them. */
  readNames(this: Calls, fd: Fd): Name[] {
    return entries(this, fd, name => name)
  },

  /** The names of the directories in a directory whose file system tells types, as those of the kernel do. */
  readDirectories(this: Calls, fd: Fd): Name[] {
    return entries(this, fd, (name, type) => (type === DT_DIR ? name : undefined))
  },

  /** mkdirat(dir, path, mode), see mkdir(2). The result is negative when an errno of `tolerate` came back. */
  mkdirat(this: Calls, dir: Dir, path: string | Name, mode: number, tolerate?: Call['tolerate']): Result {
    return this.later({ name: 'mkdirat', args: [dir, path, mode], subject: quoted(path), tolerate })
  },

  /** mknodat(dir, path, mode, device): a device node, fifo or regular file, see mknod(2). */
  mknodat(
    this: Calls,
    dir: Dir,
    path: string | Name,
    mode: number,
    device: number,
    tolerate?: Call['tolerate'],
  ): Result {
    return this.later({ name: 'mknodat', args: [dir, path, mode, device], subject: quoted(path), tolerate })
  },

  /** symlinkat(target, dir, path), see symlink(2). */
  symlinkat(this: Calls, target: string | Name, dir: Dir, path: string | Name, tolerate?: Call['tolerate']): void {
    this.later({ name: 'symlinkat', args: [target, dir, path], subject: quoted(path), tolerate })
  },

  /** unlinkat(dir, path, 0). A file that is not there is fine: that is the goal. */
  unlink(this: Calls, dir: Dir, path: string, tolerate: Call['tolerate'] = [ENOENT]): void {
    this.later({ name: 'unlinkat', args: [dir, path, 0], subject: `\`${path}\``, tolerate })
  },

  /** unlinkat(dir, path, AT_REMOVEDIR), see rmdir(2). Returns false when an errno of `tolerate` came back. */
  rmdir(
    this: Calls,
    dir: Dir,
    path: string | Name,
    tolerate: readonly number[] = [ENOENT],
    hint?: Call['hint'],
  ): boolean {
    const subject = quoted(path)
    return this.now({ name: 'unlinkat', args: [dir, path, AT_REMOVEDIR], subject, tolerate, hint }) >= 0
  },

  /** renameat2(dir, from, dir, to, 0), see rename(2). */
  rename(this: Calls, dir: Dir, from: string, to: string): void {
    this.later({ name: 'renameat2', args: [dir, from, dir, to, 0], subject: `\`${to}\`` })
  },

  /** renameat2(from, name, to, name, 0): a file comes from one directory to another, see rename(2). */
  renameAcross(this: Calls, from: Dir, name: string, to: Dir): void {
    this.later({ name: 'renameat2', args: [from, name, to, name, 0], subject: `\`${name}\`` })
  },

  /** fchmod(fd, mode), see chmod(2). */
  fchmod(this: Calls, fd: Fd, mode: number): void {
    this.later({ name: 'fchmod', args: [fd, mode], subject: `\`${fd.subject}\`` })
  },

  /** fchmodat(dir, path, mode), see chmod(2). */
  fchmodat(this: Calls, dir: Dir, path: string | Name, mode: number): void {
    this.later({ name: 'fchmodat', args: [dir, path, mode], subject: quoted(path) })
  },

  /** fchmodat2(fd, "", mode, AT_EMPTY_PATH), see chmod(2); also for a descriptor of O_PATH. Since Linux 6.6. */
  fchmodat2(this: Calls, fd: Fd, mode: number, tolerate?: Call['tolerate']): Result {
    const args = [fd, '', mode, AT_EMPTY_PATH]
    return this.later({ name: 'fchmodat2', args, subject: `\`${fd.subject}\``, tolerate })
  },

  /** fchownat(dir, path, uid, gid, AT_SYMLINK_NOFOLLOW), see chown(2). */
  fchownat(this: Calls, dir: Dir, path: string | Name, uid: number, gid: number, tolerate?: Call['tolerate']): void {
    const flags = path === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW
    this.later({ name: 'fchownat', args: [dir, path, uid, gid, flags], subject: quoted(path), tolerate })
  },

  /** fsetxattr(fd, name, value, size, 0), see setxattr(2). */
  fsetxattr(this: Calls, fd: Fd, name: string, value: string | Uint8Array, tolerate?: Call['tolerate']): void {
    const bytes = typeof value === 'string' ? encode(value) : value
    const subject = typeof value === 'string' ? `${name}=\`${value}\`` : `${name} of \`${fd.subject}\``
    this.later({ name: 'fsetxattr', args: [fd, name, bytes, bytes.length, 0], subject, tolerate })
  },

  /** flistxattr(fd, list, size): the names, none where the file system has no such attributes; see listxattr(2). */
  flistxattr(this: Calls, fd: Fd): string[] {
    const out = new Room(XATTR_LIST_SIZE)
    const args = [fd, out, XATTR_LIST_SIZE]
    this.now({ name: 'flistxattr', args, subject: `attributes of \`${fd.subject}\``, tolerate: [EOPNOTSUPP] })
    return decode(out.bytes).split('\0').filter(Boolean)
  },

  /** fgetxattr(fd, name, value, size), see getxattr(2). Undefined after an errno of `tolerate`. */
  fgetxattr(this: Calls, fd: Fd, name: string, tolerate: Call['tolerate']): Uint8Array | undefined {
    const out = new Room(XATTR_LIST_SIZE)
    const args = [fd, name, out, XATTR_LIST_SIZE]
    const result = this.now({ name: 'fgetxattr', args, subject: `${name} of \`${fd.subject}\``, tolerate })
    return result < 0 ? undefined : out.bytes
  },

  /** lseek(fd, offset, SEEK_DATA or SEEK_HOLE): where data, or a hole, begins from there on; see lseek(2). */
  seek(this: Calls, fd: Fd, offset: number, whence: number, tolerate?: Call['tolerate']): number {
    return this.now({ name: 'lseek', args: [fd, offset, whence], subject: `\`${fd.subject}\``, tolerate })
  },

  /** getxattr(path, name, value, size), see getxattr(2). Undefined after an errno of `tolerate`. */
  getxattr(this: Calls, path: string, name: string, tolerate: Call['tolerate']): string | undefined {
    const out = new Room(XATTR_SIZE)
    const args = [path, name, out, XATTR_SIZE]
    const result = this.now({ name: 'getxattr', args, subject: `${name} of \`${path}\``, tolerate })
    return result < 0 ? undefined : decode(out.bytes)
  },

  /** memfd_create(name, flags), see memfd_create(2). */
  memfdCreate(this: Calls, name: string, flags: number, tolerate?: Call['tolerate'], older?: Call['older']): Fd {
    return new Fd(this, this.later({ name: 'memfd_create', args: [name, flags], tolerate, older }), `memfd:${name}`)
  },

  /** ftruncate(fd, size), see truncate(2). */
  ftruncate(this: Calls, fd: Fd, size: number, tolerate?: Call['tolerate']): Result {
    return this.later({ name: 'ftruncate', args: [fd, size], tolerate })
  },

  /** lseek(fd, offset, SEEK_SET), see lseek(2). */
  rewind(this: Calls, fd: Fd): void {
    this.later({ name: 'lseek', args: [fd, 0, 0] })
  },

  /** fcntl(fd, F_ADD_SEALS, seals), see memfd_create(2). */
  seal(this: Calls, fd: Fd, seals: number): void {
    this.later({ name: 'fcntl', args: [fd, F_ADD_SEALS, seals] })
  },

  /** flock(fd, operation), see flock(2). False when LOCK_NB met a lock. */
  flock(this: Calls, fd: Fd, operation: number, tolerate?: Call['tolerate']): boolean {
    return this.now({ name: 'flock', args: [fd, operation], subject: `\`${fd.subject}\``, tolerate }) >= 0
  },
}

/** Whole files by path, made of the calls above. */
export const wholeFileCalls = {
  /** The bytes of a file of the host. */
  readFile(this: Calls & typeof fileCalls, dir: Dir, path: string): Uint8Array {
    using fd = this.openat(dir, path, O_RDONLY)
    return this.readAll(fd)
  },

  /** The text of a file of the host, undefined when it does not exist. */
  readTextIfAny(this: Calls & typeof fileCalls, dir: Dir, path: string): string | undefined {
    using fd = this.openat(dir, path, O_RDONLY, 0, [ENOENT])
    if (!fd.exists) return undefined
    try {
      return decode(this.readAll(fd))
    } catch (error) {
      if (isErrno(error, 'ENODEV')) return undefined // a file of a cgroup that was removed after the open
      throw error
    }
  },

  /**
   * Replaces a file in one step: readers see the old content or the new, never a part. The new one is made under the name
   * `temporary`, where nothing may be: a link or a file that somebody put there is not written to.
   */
  replaceFile(
    this: Calls & typeof fileCalls,
    dir: Dir,
    path: string,
    content: string | Uint8Array,
    mode: number,
    temporary = `${path}.tmp`,
  ): void {
    const flags = O_WRONLY | O_CREAT | O_EXCL
    using first = this.openat(dir, temporary, flags, mode, [EEXIST])
    if (!first.exists) this.unlink(dir, temporary) // of a command that was killed
    using second = first.exists ? undefined : this.openat(dir, temporary, flags, mode)
    try {
      this.writeAll(second ?? first, content)
      this.rename(dir, temporary, path)
    } catch (error) {
      this.later({ name: 'unlinkat', args: [dir, temporary, 0], tolerate: 'any' })
      throw error
    }
  },

  /** Writes to a file that the kernel made (procfs, cgroup): one write, no creation. */
  writeControl(this: Calls & typeof fileCalls, dir: Dir, path: string, text: string, hint?: Call['hint']): void {
    using fd = this.openat(dir, path, O_WRONLY)
    this.writeText(fd, text, `\`${text.trimEnd()}\` to \`${path}\``, hint)
  },
}
