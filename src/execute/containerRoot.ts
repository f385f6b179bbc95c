import { EEXIST } from '../../native/abi/errno.ts'
import {
  O_DIRECTORY,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from '../../native/abi/fcntl.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call, Result } from '../../native/kernels/machine.ts'

const S_IFREG = 0x8000
const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS

const walkHints = {
  ENOENT: 'missing, or behind a symbolic link that leads nowhere in the root file system',
  ELOOP: 'a symbolic link stands in the way, which is not followed here',
  ENOTDIR: 'a part of the path is no directory',
  EAGAIN: 'somebody renames or mounts without a pause, and paths with `..` or links are never at rest',
}

/**
 * The container's root file system, whose content is not trusted: every path in it is resolved by openat2(2) with
 * RESOLVE_IN_ROOT from the root's descriptor, and the descriptor that comes out is used from then on, so nothing that
 * happens to the path in between can lead outside.
 */
export class ContainerRoot {
  readonly inside: Kernel
  readonly fd: Fd
  readonly #made = new Map<string, Result>()
  readonly #parents = new Map<string, Fd>()

  constructor(inside: Kernel, fd: Fd) {
    this.inside = inside
    this.fd = fd
  }

  /** O_PATH on what is there; `resolve` adds to the rule, RESOLVE_NO_SYMLINKS for instance. */
  open(path: string, flags = 0, resolve = 0, tolerate?: Call['tolerate']): Fd {
    return this.inside.openat2(this.fd, path, O_PATH | flags, IN_ROOT | resolve, tolerate, walkHints).take()
  }

  /** A directory to mount on or to work in, made with its parents when missing. */
  directory(path: string, resolve = 0): Fd {
    this.makeDirectory(path)
    return this.open(path, O_DIRECTORY, resolve)
  }

  /** A directory that is reached without any symbolic link: what proc and sysfs are mounted on (CVE-2019-19921). */
  realDirectory(path: string): Fd {
    return this.directory(path, RESOLVE_NO_SYMLINKS)
  }

  /** A file to mount a file on: an empty one is made when there is none. `flags` are for opening it. */
  file(path: string, flags = 0): Fd {
    const { parent, name } = this.parentOf(path)
    this.inside.mknodat(parent, name, S_IFREG | 0o644, 0, [EEXIST])
    return this.open(path, flags)
  }

  /** The directory that holds `path`, made when missing, and the name in it. */
  parentOf(path: string): { parent: Fd; name: string } {
    const slash = path.lastIndexOf('/')
    return { parent: this.#parent(path.slice(0, slash)), name: path.slice(slash + 1) }
  }

  #parent(path: string): Fd {
    if (path === '') return this.fd
    const known = this.#parents.get(path)
    if (known !== undefined) return known
    const parent = this.directory(path)
    this.#parents.set(path, parent)
    return parent
  }

  /** mkdir -p; what exists already, a directory or a link to one, stays as it is. */
  makeDirectory(path: string): void {
    if (path === '/' || this.#made.has(path)) return
    const { parent, name } = this.parentOf(path)
    this.#made.set(path, this.inside.mkdirat(parent, name, 0o755, [EEXIST]))
  }

  /** Was this directory missing until directory() or makeDirectory() made it? Asks the executor. */
  isNew(path: string): boolean {
    return (this.#made.get(path)?.value ?? -1) >= 0
  }

  /** Something was mounted: what is known of the tree may be covered by it, under this name or another. */
  covered(): void {
    this.#made.clear()
    this.#parents.clear()
  }
}
