import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { encode } from '../../native/utf8.ts'
import type { Runtime } from '../runtime.ts'

// A cgroup does not say who has made it, and its name may be anybody's. So tsrun leaves a word with those that it makes: the
// container's directory, and which directory of containers that is in, since the same path means another one in another
// mount namespace. By that alone `gc` tells what is ours from what is not.

/** An extended attribute, which cgroups take since Linux 5.7. */
const NAME = 'user.tsrun'

/** <linux/limits.h>, the first with the NUL. */
export const PATH_MAX = 4096
const NAME_MAX = 255

/** Whose cgroup it is. */
export interface CgroupMark {
  /** The directory of containers: device and inode. */
  readonly root: string
  /** The container's directory. */
  readonly path: string
}

/** The identity of a directory of containers. */
export function rootIdentity(outside: Kernel<'outside'>, root: Fd<'outside'> | string): string | undefined {
  const { stat } = typeof root === 'string' ? outside.statx(AT_FDCWD, root) : outside.statx(root, '')
  return stat && `${stat.devMajor}:${stat.devMinor}:${stat.inode}`
}

/** The text of a mark. */
export function cgroupMark({ root, path }: CgroupMark): string {
  return `${root} ${path}`
}

/** Writes it. A kernel that takes none leaves a cgroup that gc does not know. */
export function markCgroup(keeper: Kernel<'inside'>, cgroup: Fd<'inside'>, mark: string): void {
  const bytes = encode(mark)
  keeper.later({ name: 'fsetxattr', args: [cgroup, NAME, bytes, bytes.length, 0], tolerate: 'any' })
}

/** The mark of a cgroup; undefined when it has none, or is gone. */
export function readMark(outside: Kernel<'outside'>, cgroup: string): CgroupMark | undefined {
  const text = outside.getxattr(cgroup, NAME, 'any')
  const blank = text?.indexOf(' ') ?? -1
  if (text === undefined || blank < 0) return undefined
  const path = text.slice(blank + 1)
  return isPath(path) ? { root: text.slice(0, blank), path } : undefined
}

/** Who owns a cgroup can write anything there: what no call takes for a path is no mark. */
function isPath(path: string): boolean {
  const names = path.split('/')
  const fits = encode(path).length < PATH_MAX && names.every(name => encode(name).length <= NAME_MAX)
  return path.startsWith('/') && !path.includes('\0') && fits
}

/** Is it the mark of this container, also when the directory of containers is reached by another path? */
export function isMarkOf(
  { outside, root }: Pick<Runtime, 'outside' | 'root'>,
  mark: CgroupMark,
  { id }: { readonly id: string },
): boolean {
  if (mark.path === `${root}/${id}`) return true
  return mark.path.endsWith(`/${id}`) && mark.root === rootIdentity(outside, root)
}
