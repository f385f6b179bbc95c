import { EEXIST, ENOENT, ENOTDIR, ENOTEMPTY } from '../../native/abi/errno.ts'
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../../native/abi/fcntl.ts'
import type { Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing, HostError } from '../errors.ts'
import { isOpenToOthers, openOutputDirectory, randomName } from '../host/callersFiles.ts'

/** A directory for files that somebody makes in it by name, who follows links and waits for fifos. */
export interface OutputDirectory {
  /** Where they are made. */
  readonly fd: Fd<'outside'>
  /** How a path relative to the directory that was asked for begins there. */
  readonly prefix: '' | '../'
  /** The files that there are now come to the directory that was asked for. */
  publish(): void
  /** The same, and nothing else comes. Errors: KernelError with the place where those stay that can not. */
  finish(): void
}

/**
 * Opens it. Where others may put something into it, all is made in a directory in it that is ours alone, and comes out by
 * rename, which follows nothing and takes the place of what is there. Errors: UsageError, KernelError; after an errno of
 * `tolerate` it does not exist.
 */
export function openDirectoryToFill(
  outside: Kernel<'outside'>,
  path: string,
  fds: Fds,
  tolerate: readonly number[],
): OutputDirectory {
  const fd = fds.keep(openOutputDirectory(outside, path, tolerate))
  if (fd.exists && isOpenToOthers(outside, fd)) return fillBehind(outside, fd, fds)
  return { fd, prefix: '', publish: () => {}, finish: () => {} }
}

function fillBehind(outside: Kernel<'outside'>, directory: Fd<'outside'>, fds: Fds): OutputDirectory {
  const name = `.tsrun-${randomName(outside)}`
  outside.mkdirat(directory, name, 0o700)
  const fd = fds.keep(outside.openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
  // Its name is the other's to give to something else.
  if (isOpenToOthers(outside, fd) || namesIn(outside, fd).length > 0)
    throw new HostError(`somebody has put something in the place of \`${name}\`, which was just made`)
  const publish = () => {
    for (const file of namesIn(outside, fd)) outside.renameAcross(fd, file, directory)
  }
  const finish = () => {
    doing(`files of \`${directory.subject}/${name}\` stay there`, publish)
    outside.rmdir(directory, name, [ENOENT, ENOTDIR, ENOTEMPTY, EEXIST])
  }
  return { fd, prefix: '../', publish, finish }
}

function namesIn(outside: Kernel<'outside'>, directory: Fd<'outside'>): string[] {
  using list = outside.openat(directory, '.', O_RDONLY | O_DIRECTORY)
  return outside.readDirectory(list)
}
