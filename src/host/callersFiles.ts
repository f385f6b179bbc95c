// Files at paths that the caller names. They may lie in a directory of somebody else's, who puts there what he likes: a link
// to a file of ours, a fifo that is never written to, a device. See docs/security.md.

import { ELOOP, ENOENT, ENOTDIR, ENXIO } from '../../native/abi/errno.ts'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_NOCTTY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
} from '../../native/abi/fcntl.ts'
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG, S_IFSOCK } from '../../native/abi/stat.ts'
import { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { ConfigError, doing, UsageError } from '../errors.ts'
import { isOurs, LINKS_MAX, linkOf, openParent } from './parentDirectory.ts'

/** Descriptors of the caller: a shell's `<(...)` is /dev/fd/63. What they lead to he has opened himself. */
const DESCRIPTOR = /^\/(dev\/(stdin|fd\/\d+)|proc\/(self|thread-self|\d+)\/fd\/\d+)$/

const KINDS: Readonly<Record<number, string>> = {
  [S_IFBLK]: 'a device',
  [S_IFCHR]: 'a device',
  [S_IFDIR]: 'a directory',
  [S_IFIFO]: 'a fifo',
  [S_IFLNK]: 'a symbolic link',
  [S_IFSOCK]: 'a socket',
}

/** What a file is, in words. */
export function kindOf(mode: number): string {
  return KINDS[mode & S_IFMT] ?? 'a regular file'
}

/** Is it a regular file? */
export function isRegular(mode: number): boolean {
  return (mode & S_IFMT) === S_IFREG
}

/**
 * The bytes of a file that is to be read; undefined after an errno of `tolerate`. Errors: ConfigError for what is no regular
 * file, unless it is a descriptor of the caller; KernelError; Failure for one without an end.
 *
 * A look comes before the open, which may do something to a device, and the open goes to what was looked at.
 */
export function readInput(
  outside: Kernel<'outside'>,
  path: string,
  tolerate?: Call['tolerate'],
): Uint8Array | undefined {
  using found = outside.openat(AT_FDCWD, path, DESCRIPTOR.test(path) ? O_RDONLY : O_PATH, 0, tolerate)
  if (!found.exists) return undefined
  return doing(`read \`${path}\``, () => {
    if (DESCRIPTOR.test(path)) return outside.readAll(found)
    const { mode } = outside.statx(found, '', 0, []).stat!
    if (!isRegular(mode)) throw new ConfigError(`it is ${kindOf(mode)}, and only a regular file is read`)
    const args = [AT_FDCWD, `/proc/self/fd/${found.number}`, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0]
    using file = new Fd(outside, outside.later({ name: 'openat', args, subject: `\`${path}\`` }), path)
    return outside.readAll(file)
  })
}

/**
 * The bytes of a file of ours in a directory that is open; undefined when there is none, or something that we do not make:
 * a link, a fifo.
 */
export function readOwn(outside: Kernel<'outside'>, directory: Fd<'outside'>, name: string): Uint8Array | undefined {
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY
  using file = outside.openat(directory, name, flags, 0, [ENOENT, ELOOP, ENXIO])
  if (!file.exists || !isRegular(outside.statx(file, '', 0, []).stat!.mode)) return undefined
  return outside.readAll(file)
}

/**
 * A file to add to, made when it is not there. Its name, and names on the way, may be symbolic links of ours or root's, such
 * as /dev/stderr; another's is not followed. A fifo is not waited for. Errors: UsageError, KernelError; after an errno of
 * `tolerate` it does not exist.
 */
export function openOutput(
  outside: Kernel<'outside'>,
  path: string,
  mode = 0o644,
  tolerate: readonly number[] = [],
): Fd<'outside'> {
  let at = path
  for (let links = 0; links < LINKS_MAX; links++) {
    const { directory, name } = openParent(outside, at, tolerate)
    if (!directory.exists) return directory
    using _ = directory
    const flags = ADD | O_CREAT | O_NOFOLLOW
    const file = openNamed(outside, directory, name, flags, at, mode, [ELOOP, ENXIO, ...tolerate])
    if (file.number !== -ELOOP) return accept(outside, file, directory, at)
    const target = targetOf(outside, directory, name, at)
    if (target === undefined)
      return accept(outside, openNamed(outside, directory, name, ADD, at, 0, [ENXIO]), directory, at, true)
    at = target
  }
  throw new UsageError(`\`${path}\`: too many symbolic links`)
}

/** openat(2), whose failure names the path as the caller has it. */
function openNamed(
  outside: Kernel<'outside'>,
  directory: Fd<'outside'>,
  name: string,
  flags: number,
  path: string,
  mode: number,
  tolerate: readonly number[],
): Fd<'outside'> {
  const args = [directory, name, flags | O_CLOEXEC, mode]
  return new Fd(outside, outside.later({ name: 'openat', args, subject: `\`${path}\``, tolerate }), path)
}

/**
 * A directory to write files to. Its name may be a symbolic link of ours or root's, and so may those on the way. Errors:
 * UsageError for another's, KernelError; after an errno of `tolerate` it does not exist.
 */
export function openOutputDirectory(
  outside: Kernel<'outside'>,
  path: string,
  tolerate: readonly number[] = [],
): Fd<'outside'> {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
  let at = path
  for (let links = 0; links < LINKS_MAX; links++) {
    const { directory: parent, name } = openParent(outside, at, tolerate)
    if (!parent.exists) return parent
    using _ = parent
    const directory = openNamed(outside, parent, name, flags, at, 0, [ENOTDIR, ...tolerate])
    if (directory.exists) return directory
    const { stat } = outside.statx(parent, name, AT_SYMLINK_NOFOLLOW, 'any')
    if (((stat?.mode ?? 0) & S_IFMT) !== S_IFLNK) return openNamed(outside, parent, name, flags, at, 0, tolerate)
    at = targetOf(outside, parent, name, at) ?? at
  }
  throw new UsageError(`\`${path}\`: too many symbolic links`)
}

/**
 * What is at a path, opened with O_PATH. Its name may be a symbolic link of ours or root's, and so may those on the way.
 * Errors: UsageError for another's, KernelError; after an errno of `tolerate` it does not exist.
 */
export function locate(outside: Kernel<'outside'>, path: string, tolerate: readonly number[]): Fd<'outside'> {
  let at = path
  for (let links = 0; links < LINKS_MAX; links++) {
    const { directory, name } = openParent(outside, at, tolerate)
    if (!directory.exists) return directory
    using _ = directory
    const found = openNamed(outside, directory, name, O_PATH | O_NOFOLLOW, at, 0, tolerate)
    if (!found.exists || linkOf(outside, found) === undefined) return found
    found.close()
    const target = targetOf(outside, directory, name, at)
    if (target === undefined) return openNamed(outside, directory, name, O_PATH, at, 0, tolerate)
    at = target
  }
  throw new UsageError(`\`${path}\`: too many symbolic links`)
}

/** May others put things into a directory, such as links for us to follow? */
export function isOpenToOthers(outside: Kernel<'outside'>, directory: Fd<'outside'>): boolean {
  const { mode, uid } = outside.statx(directory, '', 0, []).stat!
  return !isOurs(outside, uid) || (mode & WRITABLE) !== 0
}

/** Sixteen digits that nobody foresees. */
export function randomName(outside: Kernel<'outside'>): string {
  return Array.from(outside.randomBytes(8), byte => byte.toString(16).padStart(2, '0')).join('')
}

const ADD = O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK

/** Where a symbolic link leads. Undefined for those of procfs, see linkOf(). Errors: UsageError for another's. */
function targetOf(
  outside: Kernel<'outside'>,
  directory: Fd<'outside'>,
  name: string,
  path: string,
): string | undefined {
  using entry = outside.openat(directory, name, O_PATH | O_NOFOLLOW)
  const link = linkOf(outside, entry)
  if (link === undefined) return path // exchanged just now: another look
  const { uid, target } = link
  if (target === undefined) return undefined
  if (!isOurs(outside, uid))
    throw new UsageError(`\`${path}\` is a symbolic link of user ${uid}, which is not followed; name the file itself`)
  return target.startsWith('/') ? target : `${path.slice(0, path.lastIndexOf('/') + 1)}${target}`
}

function accept(
  outside: Kernel<'outside'>,
  file: Fd<'outside'>,
  directory: Fd<'outside'>,
  path: string,
  descriptor = false,
): Fd<'outside'> {
  if (file.number === -ENXIO) throw new UsageError(`\`${path}\` is a socket, or a fifo that nobody reads`)
  if (!file.exists) return file
  const { mode, links } = outside.statx(file, '', 0, []).stat!
  if (isRegular(mode) && links > 1 && isOpenToOthers(outside, directory)) {
    file.close()
    throw new UsageError(`\`${path}\` has a second name, in a directory that others may write to; name another file`)
  }
  // A terminal may be stopped for a while, and a pipe of the caller be full. Who reads a fifo is not known.
  if (!isRegular(mode) && (descriptor || (mode & S_IFMT) !== S_IFIFO)) outside.setStatusFlags(file, O_APPEND)
  return file
}

const WRITABLE = 0o022
