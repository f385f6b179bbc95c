import { AT_SYMLINK_NOFOLLOW, O_CREAT, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, O_WRONLY } from '../../native/abi/fcntl.ts'
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../native/abi/stat.ts'
import type { Stat } from '../../native/calls/file.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'

/**
 * The option `tmpcopyup`: fills a new tmpfs with what the directory under it holds: directories, files, links and
 * special files, with owner and mode. Everything is reached by descriptor and no link is followed.
 */
export function copyDirectory(inside: Kernel, from: Fd, to: Fd): void {
  using source = inside.openat(from, '.', O_RDONLY | O_DIRECTORY)
  using target = inside.openat(to, '.', O_RDONLY | O_DIRECTORY)
  for (const name of inside.readDirectory(source)) {
    const stat = inside.statx(source, name, AT_SYMLINK_NOFOLLOW).stat
    if (stat !== undefined) copyEntry(inside, source, target, name, stat)
  }
}

function copyEntry(inside: Kernel, source: Fd, target: Fd, name: string, stat: Stat): void {
  const mode = stat.mode & 0o7777
  switch (stat.mode & S_IFMT) {
    case S_IFDIR: {
      inside.mkdirat(target, name, mode)
      using below = inside.openat(source, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      using made = inside.openat(target, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      copyDirectory(inside, below, made)
      break
    }
    case S_IFLNK:
      inside.symlinkat(inside.readlinkat(source, name), target, name)
      break
    case S_IFREG: {
      using content = inside.openat(source, name, O_RDONLY | O_NOFOLLOW)
      using copy = inside.openat(target, name, O_WRONLY | O_CREAT | O_NOFOLLOW, mode)
      inside.copyAll(content, copy, stat.size)
      break
    }
    default:
      inside.mknodat(target, name, stat.mode, (stat.rdevMinor & 0xff) | (stat.rdevMajor << 8))
  }
  inside.fchownat(target, name, stat.uid, stat.gid)
  if ((stat.mode & S_IFMT) !== S_IFLNK) inside.fchmodat(target, name, mode) // chown clears set-id bits
}
