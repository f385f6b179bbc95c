import { EINVAL, ENODATA, ENOENT, ENXIO, EOPNOTSUPP, EPERM } from '../../native/abi/errno.ts'
import {
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  SEEK_DATA,
  SEEK_HOLE,
  SEEK_SET,
} from '../../native/abi/fcntl.ts'
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../native/abi/stat.ts'
import type { Name } from '../../native/calls/file.ts'
import { deviceNumber, type Dir, type Stat } from '../../native/calls/stat.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { Failure } from '../errors.ts'
import { pathOf } from './procfs.ts'

/** It belongs to the mount: the option `context` sets it. */
const LABEL = 'security.selinux'
/** The file system has no such attribute, or these rights do not reach so far. */
const NO_ATTRIBUTE = [ENODATA, EOPNOTSUPP, EPERM, EINVAL]

/** Directories in each other: a level takes descriptors and stack, and who nests more means us to run out of them. */
const MOST_LEVELS = 128

/** What a copy needs: a trusted procfs, through which a descriptor of O_PATH is opened for reading. */
interface Copying {
  readonly inside: Kernel<'inside'>
  readonly procfs: Dir
  /** How many more levels there may be below. */
  readonly levels: number
}

/**
 * The option `tmpcopyup`: fills a new tmpfs with what the directory under it holds: directories, files, links and special
 * files, with owner, mode and extended attributes; holes stay holes, hard links become files of their own. The source may
 * be somebody else's who changes it meanwhile: each entry is opened once, without following links and without opening what
 * is no regular file, and all that is asked and read comes from that descriptor. The tmpfs is attached nowhere yet, so the
 * names in there are ours alone. `procfs` is only asked for when there is something to copy.
 */
export function copyUp(inside: Kernel<'inside'>, from: Fd<'inside'>, to: Fd<'inside'>, procfs: () => Dir): void {
  using source = inside.openat(from, '.', O_RDONLY | O_DIRECTORY)
  const names = inside.readNames(source)
  if (names.length > 0) copyEntries({ inside, procfs: procfs(), levels: MOST_LEVELS }, source, names, to)
}

function copyEntries(copying: Copying, source: Fd<'inside'>, names: readonly Name[], to: Fd<'inside'>): void {
  const { inside } = copying
  using target = inside.openat(to, '.', O_RDONLY | O_DIRECTORY)
  for (const name of names) {
    using entry = inside.openat(source, name, O_PATH | O_NOFOLLOW, 0, [ENOENT])
    const { stat } = inside.statx(entry, '', 0, 'any')
    if (stat !== undefined) copyEntry(copying, entry, stat, target, name)
  }
}

function copyEntry(copying: Copying, entry: Fd<'inside'>, stat: Stat, target: Fd<'inside'>, name: Name): void {
  const { inside, procfs } = copying
  const mode = stat.mode & 0o7777
  switch (stat.mode & S_IFMT) {
    case S_IFDIR: {
      inside.mkdirat(target, name, mode)
      using below = inside.openat(entry, '.', O_RDONLY | O_DIRECTORY)
      using made = inside.openat(target, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      if (copying.levels === 0)
        throw new Failure(`tmpcopyup copies no more than ${MOST_LEVELS} directories in each other`)
      copyEntries({ ...copying, levels: copying.levels - 1 }, below, inside.readNames(below), made)
      setAttributes(inside, below, made, stat)
      break
    }
    case S_IFLNK:
      inside.symlinkat(inside.readlinkName(entry), target, name)
      inside.fchownat(target, name, stat.uid, stat.gid)
      break
    case S_IFREG: {
      using content = inside.openat(procfs, pathOf(entry), O_RDONLY | O_NONBLOCK)
      using copy = inside.openat(target, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
      copyContent(inside, content, copy, stat.size)
      setAttributes(inside, content, copy, stat)
      break
    }
    default:
      inside.mknodat(target, name, stat.mode, deviceNumber(stat.rdevMajor, stat.rdevMinor))
      inside.fchownat(target, name, stat.uid, stat.gid)
      inside.fchmodat(target, name, mode)
  }
}

/** The owner first: a change of it takes set-id bits and capabilities away. */
function setAttributes(inside: Kernel<'inside'>, from: Fd<'inside'>, to: Fd<'inside'>, { mode, uid, gid }: Stat): void {
  inside.fchownat(to, '', uid, gid)
  inside.fchmod(to, mode & 0o7777)
  for (const name of inside.flistxattr(from)) {
    const value = name === LABEL ? undefined : inside.fgetxattr(from, name, NO_ATTRIBUTE)
    if (value !== undefined) inside.fsetxattr(to, name, value, NO_ATTRIBUTE)
  }
}

/** Piece by piece where there is data, see lseek(2). */
function copyContent(inside: Kernel<'inside'>, from: Fd<'inside'>, to: Fd<'inside'>, size: number): void {
  inside.ftruncate(to, size)
  for (let at = 0; at < size; ) {
    const found = inside.seek(from, at, SEEK_DATA, [ENXIO, EINVAL])
    if (found === -ENXIO || found >= size) return
    const knowsHoles = found >= 0
    const start = knowsHoles ? found : at
    const end = knowsHoles ? Math.min(inside.seek(from, start, SEEK_HOLE), size) : size
    inside.seek(from, start, SEEK_SET)
    inside.seek(to, start, SEEK_SET)
    inside.copyAll(from, to, end - start)
    at = end
  }
}
