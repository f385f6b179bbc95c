import { ELOOP, ENOENT, EXDEV } from '../abi/errno.ts'
import {
  O_CLOEXEC,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../abi/fcntl.ts'
import { S_IFLNK, S_IFMT } from '../abi/stat.ts'
import { PROC_SUPER_MAGIC } from '../abi/wait.ts'
import { KernelError } from '../failure.ts'
import { type Fd, Fds } from '../fd.ts'
import type { Calls } from '../kernels/machine.ts'
import type { Dir, PendingStat, Stat } from './stat.ts'

/** What it takes. */
export type Walker = Calls & {
  openat(dir: Dir, path: string, flags: number): Fd
  statx(dir: Dir, path: string, flags: number, tolerate: readonly number[]): PendingStat
  duplicate(fd: Fd, minimum: number): Fd
  fileSystemType(fd: Fd): number
  readlinkat(dir: Dir, path: string): string
}

/** As in the kernel, see path_resolution(7). */
const MOST_LINKS = 40
/** PROC_ROOT_INO: only links in there are what they read. */
const PROC_ROOT = 1n

/**
 * What openat2(2) does, where it is denied, in single steps: a descriptor for each directory on the way, opened by its name in
 * the one above without following a link. Links are read and followed here. `..` is the descriptor before, never the kernel's,
 * so nobody who renames what is on the way leads out of `dir`. RESOLVE_IN_ROOT, unless RESOLVE_BENEATH is asked for. Returns
 * the number of the descriptor, or -errno.
 */
export function walk(files: Walker, dir: Dir, path: string, flags: number, resolve: number): number {
  files.flush() // what fails of that is no failure of the walk
  using fds = new Fds()
  try {
    return new Walk(files, dir, resolve, fds).open(path, flags)
  } catch (error) {
    if (error instanceof KernelError) return -error.errno
    throw error
  }
}

class Walk {
  readonly #files: Walker
  readonly #resolve: number
  readonly #fds: Fds
  /** The way down from the beginning, which stays. */
  #way: Dir[]
  #rest: string[] = []
  #links = 0

  constructor(files: Walker, dir: Dir, resolve: number, fds: Fds) {
    this.#files = files
    this.#resolve = resolve
    this.#fds = fds
    this.#way = [dir]
  }

  get #here(): Dir {
    return this.#way.at(-1)!
  }

  open(path: string, flags: number): number {
    this.#follow(path)
    for (;;) {
      const name = this.#rest.shift()
      if (name === undefined) return this.#files.openat(this.#here, '.', flags).take().number
      if (name === '..') this.#up()
      else if (name !== '.') {
        const isLast = this.#rest.length === 0
        const { fd, link } = this.#look(name)
        if (link && !(isLast && (flags & O_NOFOLLOW) !== 0)) this.#follow(this.#read(fd))
        // By its name once more: a link that has come there meanwhile is ELOOP.
        else if (isLast) return this.#last(name, flags, link)
        else this.#way.push(fd)
      }
    }
  }

  #last(name: string, flags: number, link: boolean): number {
    const fd = this.#fds.keep(this.#files.openat(this.#here, name, flags | O_NOFOLLOW | O_CLOEXEC))
    const { stat } = this.#files.statx(fd, '', 0, [])
    if (!link && isLink(stat!)) throw new KernelError('openat2', ELOOP)
    this.#check(stat!)
    return this.#files.duplicate(fd, 0).take().number
  }

  /** What is there, not followed. */
  #look(name: string): { fd: Fd; link: boolean } {
    const fd = this.#fds.keep(this.#files.openat(this.#here, name, O_PATH | O_NOFOLLOW))
    const { stat } = this.#files.statx(fd, '', 0, [])
    this.#check(stat!)
    return { fd, link: isLink(stat!) }
  }

  #up(): void {
    if (this.#way.length > 1) this.#way.pop()
    else this.#refuseOutside()
  }

  #refuseOutside(): void {
    if (this.#resolve & RESOLVE_BENEATH) throw new KernelError('openat2', EXDEV)
  }

  #check({ mountId, devMajor, devMinor }: Stat): void {
    if (!(this.#resolve & RESOLVE_NO_XDEV)) return
    const first = this.#files.statx(this.#way[0]!, '', 0, []).stat!
    const isSame = first.mountId === mountId && first.devMajor === devMajor && first.devMinor === devMinor
    if (!isSame) throw new KernelError('openat2', EXDEV)
  }

  #read(link: Fd): string {
    this.#links += 1
    const isRefused = this.#links > MOST_LINKS || (this.#resolve & RESOLVE_NO_SYMLINKS) !== 0
    if (isRefused || (this.#resolve & RESOLVE_NO_MAGICLINKS && this.#isMagic(link)))
      throw new KernelError('openat2', ELOOP)
    return this.#files.readlinkat(link, '')
  }

  #isMagic(link: Fd): boolean {
    if (this.#files.fileSystemType(link) !== PROC_SUPER_MAGIC) return false
    return this.#files.statx(this.#here, '', 0, []).stat!.inode !== PROC_ROOT
  }

  /** What is to be walked next; a slash at its end asks for a directory. */
  #follow(path: string): void {
    if (path === '') throw new KernelError('openat2', ENOENT)
    if (path.startsWith('/')) {
      this.#refuseOutside()
      this.#way = [this.#way[0]!]
    }
    this.#rest.unshift(...path.split('/').filter(Boolean), ...(path.endsWith('/') ? ['.'] : []))
  }
}

function isLink({ mode }: Stat): boolean {
  return (mode & S_IFMT) === S_IFLNK
}
