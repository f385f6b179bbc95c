// The directory of a file at a path that the caller names. A link on the way there may be somebody else's, who exchanges it
// for one to a directory of ours: then what is meant for his directory comes there. See docs/security.md.

import { ELOOP, ENOSYS, EPERM } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_PATH, RESOLVE_NO_SYMLINKS } from '../../native/abi/fcntl.ts'
import { OPEN_HOW } from '../../native/abi/layout/file.ts'
import { S_IFLNK, S_IFMT } from '../../native/abi/stat.ts'
import { PROC_SUPER_MAGIC } from '../../native/abi/wait.ts'
import { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { Words } from '../../native/struct.ts'
import { KernelError, UsageError } from '../errors.ts'

/** As the kernel allows, MAXSYMLINKS. */
export const LINKS_MAX = 40

const PLACE = O_PATH | O_DIRECTORY

/**
 * Opens the directory of a path, and gives the name in it. Links on the way are followed when root or we have made them.
 * Errors: UsageError for another's, KernelError; after an errno of `tolerate` the directory does not exist.
 */
export function openParent(
  outside: Kernel<'outside'>,
  path: string,
  tolerate: Call['tolerate'] = [],
): { directory: Fd<'outside'>; name: string } {
  const slash = path.lastIndexOf('/')
  const name = path.slice(slash + 1) || '.'
  const way = path.slice(0, slash + 1) || '.'
  const subject = `\`${path}\``
  try {
    return { directory: withoutLinks(outside, way) ?? follow(outside, way), name }
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    if (tolerate !== 'any' && !tolerate.includes(error.errno)) throw new KernelError(error.call, error.errno, subject)
    return { directory: new Fd(outside, -error.errno, way), name }
  }
}

/**
 * Opens a directory to which nobody else's links lead. With O_NOFOLLOW its own name may be no link at all. Errors and
 * `tolerate` as above.
 */
export function openDirectory(
  outside: Kernel<'outside'>,
  path: string,
  flags: number,
  tolerate: readonly number[] = [],
): Fd<'outside'> {
  const straight = withoutLinks(outside, path, flags | O_DIRECTORY, tolerate)
  if (straight !== undefined) return straight
  const follows = (flags & O_NOFOLLOW) === 0
  const { directory, name } = openParent(outside, follows ? `${path}/` : path, tolerate)
  if (!directory.exists) return directory
  using _ = directory
  return outside.openat(directory, name, flags | O_DIRECTORY, 0, tolerate)
}

const NOT_STRAIGHT: readonly number[] = [ELOOP, EPERM, ENOSYS]

/** Undefined where there are links on the way, or where openat2(2) is denied. */
function withoutLinks(
  outside: Kernel<'outside'>,
  way: string,
  flags = PLACE,
  tolerate: readonly number[] = [],
): Fd<'outside'> | undefined {
  const how = new Words([flags | O_CLOEXEC, 0, RESOLVE_NO_SYMLINKS]) // struct open_how
  const args = [AT_FDCWD, way, how, OPEN_HOW.size]
  const call: Call = { name: 'openat2', args, subject: `\`${way}\``, tolerate: [...NOT_STRAIGHT, ...tolerate] }
  const fd = new Fd(outside, outside.later(call), way)
  return fd.exists || !NOT_STRAIGHT.includes(-fd.number) ? fd : undefined
}

/** One name after the other, each from the descriptor of the directory before. */
function follow(outside: Kernel<'outside'>, way: string): Fd<'outside'> {
  const names = partsOf(way)
  let at = outside.openat(AT_FDCWD, way.startsWith('/') ? '/' : '.', PLACE)
  const go = (next: Fd<'outside'>) => {
    at.close()
    at = next
  }
  for (let links = 0; names.length > 0; ) {
    const name = names.shift()!
    const entry = outside.openat(at, name, O_PATH | O_NOFOLLOW)
    const target = targetOf(outside, entry, way)
    if (target === undefined) {
      go(entry)
      continue
    }
    entry.close()
    links += 1
    if (links > LINKS_MAX) throw new UsageError(`\`${way}\`: too many symbolic links`)
    if (target === KERNELS) {
      go(outside.openat(at, name, PLACE))
      continue
    }
    names.unshift(...partsOf(target))
    if (target.startsWith('/')) go(outside.openat(AT_FDCWD, '/', PLACE))
  }
  return at
}

/** A link of procfs, which has no text to follow. */
const KERNELS = ''

/** Undefined for what is no link. Errors: UsageError for one that is not followed. */
function targetOf(outside: Kernel<'outside'>, entry: Fd<'outside'>, way: string): string | undefined {
  const link = linkOf(outside, entry)
  if (link === undefined) return undefined
  if (link.target !== undefined && !isOurs(outside, link.uid) && isOfInitialNamespace(outside))
    throw new UsageError(
      `\`${entry.subject}\` in \`${way}\` is a symbolic link of user ${link.uid}, which is not followed; name the directory itself`,
    )
  return link.target ?? KERNELS
}

/**
 * Whose link it is and where it leads; undefined for what is none. Both are asked of one descriptor, so nobody exchanges it in
 * between. Those of procfs, which the kernel makes, have no target: they have no text to follow.
 */
export function linkOf(
  outside: Kernel<'outside'>,
  entry: Fd<'outside'>,
): { readonly uid: number; readonly target: string | undefined } | undefined {
  const { mode, uid } = outside.statx(entry, '', 0, []).stat!
  if ((mode & S_IFMT) !== S_IFLNK) return undefined
  const isKernels = outside.fileSystemType(entry) === PROC_SUPER_MAGIC
  return { uid, target: isKernels ? undefined : outside.readlinkat(entry, '') }
}

function partsOf(path: string): string[] {
  return path.split('/').filter(name => name !== '' && name !== '.')
}

/** In another user namespace root is nobody, and so is who has made links like /var/run. */
function isOfInitialNamespace(outside: Kernel<'outside'>): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(outside.readTextIfAny(AT_FDCWD, '/proc/self/uid_map') ?? '')
}

/** What root and we have made is nobody's trap. */
export function isOurs(outside: Kernel<'outside'>, uid: number): boolean {
  return uid === 0 || uid === outside.effectiveIds().uid
}
