import { ENOENT } from '../../native/abi/errno.ts'
import { O_NOFOLLOW, O_PATH } from '../../native/abi/fcntl.ts'
import { S_IFLNK, S_IFMT } from '../../native/abi/stat.ts'
import { type Fd, Fds, type Side } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { ConfigError } from '../errors.ts'

/** Makes what is missing at the end of a path. */
export type Maker<S extends Side> = (directory: Fd<S>, name: string) => void

/** As many as the kernel follows, see path_resolution(7). */
const LINKS_MAX = 40

/**
 * Opens, with O_PATH, what a path in the container leads to. Where a symbolic link names what is not there
 * (`/etc/resolv.conf -> ../run/systemd/resolve/stub-resolv.conf`), `make` makes it, and directories on the way are made,
 * too. Every part is reached by the descriptor of the one before it and links are followed here, as in the container: `/`
 * is its root, and `..` leads back to where we came from and never above that. Errors: ConfigError for links without an
 * end, KernelError.
 */
export function openBehindLinks<S extends Side>(inside: Kernel<S>, root: Fd<S>, path: string, make: Maker<S>): Fd<S> {
  const way = [root]
  let names = partsOf(path)
  using fds = new Fds()
  for (let links = 0; names.length > 0; ) {
    const name = names.shift()!
    if (name === '..') {
      if (way.length > 1) way.pop()
      continue
    }
    const entry = fds.keep(openOrMake(inside, way.at(-1)!, name, names.length === 0 ? make : makeDirectory))
    if (!isLink(inside, entry)) {
      way.push(entry)
      continue
    }
    links += 1
    if (links > LINKS_MAX) throw new ConfigError(`\`${path}\` of the root file system: symbolic links without an end`)
    const target = inside.readlinkat(entry, '')
    if (target.startsWith('/')) way.length = 1
    names = [...partsOf(target), ...names]
  }
  return inside.duplicate(way.at(-1)!, 0)

  function makeDirectory(directory: Fd<S>, name: string): void {
    inside.mkdirat(directory, name, 0o755)
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter(name => name !== '' && name !== '.')
}

function openOrMake<S extends Side>(inside: Kernel<S>, directory: Fd<S>, name: string, make: Maker<S>): Fd<S> {
  const found = inside.openat(directory, name, O_PATH | O_NOFOLLOW, 0, [ENOENT])
  if (found.exists) return found
  make(directory, name)
  return inside.openat(directory, name, O_PATH | O_NOFOLLOW)
}

function isLink<S extends Side>(inside: Kernel<S>, entry: Fd<S>): boolean {
  return (inside.statx(entry, '', 0, []).stat!.mode & S_IFMT) === S_IFLNK
}
