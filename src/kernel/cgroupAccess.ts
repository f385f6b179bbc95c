import { EACCES } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_RDONLY } from '../../native/abi/fcntl.ts'
import type { Name } from '../../native/calls/file.ts'
import type { Dir } from '../../native/calls/stat.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { isErrno } from '../errors.ts'

// Root of a container in a user namespace may own the container's cgroup, and be the user without privileges who owns the
// container. If it takes away all rights to the cgroup, that user gives them back to himself: else there would be no way to
// look at the container, to end it or to delete it. Who has CAP_DAC_OVERRIDE is never refused.

/** As the kernel makes them. */
const DIRECTORY_MODE = 0o755
const FILE_MODE = 0o644

/** A cgroup, by its path or its directory. */
export type Cgroup = Fd<'outside'> | string

/** Opens a file of a cgroup. After an errno of `tolerate` it does not exist. */
export function openCgroupFile(
  outside: Kernel<'outside'>,
  cgroup: Cgroup,
  file: string,
  flags: number,
  tolerate: readonly number[],
): Fd<'outside'> {
  const [directory, path] = typeof cgroup === 'string' ? ([AT_FDCWD, `${cgroup}/${file}`] as const) : [cgroup, file]
  const opened = outside.openat(directory, path, flags, 0, [...tolerate, EACCES])
  if (opened.number !== -EACCES) return opened
  regainCgroup(outside, cgroup)
  allow(outside, directory, path, FILE_MODE)
  return outside.openat(directory, path, flags, 0, tolerate)
}

/**
 * The text of a file of a cgroup; undefined when there is none, or after an errno of `tolerate`. Who owns the cgroup may give
 * the name of a file that it has not, for lack of the controller, to a cgroup below: that is no such file.
 */
export function readCgroupFile(
  outside: Kernel<'outside'>,
  directory: Dir,
  path: string,
  tolerate: readonly number[],
): string | undefined {
  using fd = outside.openat(directory, path, O_RDONLY, 0, tolerate)
  if (!fd.exists) return undefined
  try {
    return decode(outside.readAll(fd))
  } catch (error) {
    if (isErrno(error, 'EISDIR')) return undefined
    throw error
  }
}

/** Gives back to us what may be done with the directory of a cgroup, if it is ours. */
export function regainCgroup(outside: Kernel<'outside'>, cgroup: Cgroup): void {
  allow(outside, AT_FDCWD, typeof cgroup === 'string' ? cgroup : `/proc/self/fd/${cgroup.number}`, DIRECTORY_MODE)
}

/** The same for one below a cgroup. */
export function regainBelow(outside: Kernel<'outside'>, above: Fd<'outside'>, name: Name | string): void {
  allow(outside, above, name, DIRECTORY_MODE)
}

function allow(
  outside: Kernel<'outside'>,
  directory: Fd<'outside'> | typeof AT_FDCWD,
  path: Name | string,
  mode: number,
): void {
  outside.now({ name: 'fchmodat', args: [directory, path, mode], tolerate: 'any' })
}
