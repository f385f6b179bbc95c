import { lstatSync, mkdirSync, readdirSync } from 'node:fs'
import { ENOENT } from '../../../native/abi/errno.ts'
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '../../../native/abi/fcntl.ts'
import { S_IFMT, S_IFREG } from '../../../native/abi/stat.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { Failure } from '../../errors.ts'
import { removeAll } from './removal.ts'

const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS

/** An entry in a directory, by a path on which nothing but its last part is looked up. */
export interface DirectoryPlace {
  /** The directory that it is in. */
  readonly parent: Fd<'outside'>
  readonly name: string
  /** `/proc/self/fd/N/NAME`, for calls that do not follow a link at the end. */
  readonly path: string
  /** The same for the same place, whatever links led there. */
  readonly key: string
}

/**
 * A directory in which every path is looked up as in a root of its own: by openat2(2), links included, so that neither a link
 * to / nor one with `..` leads out of it.
 */
export class RootDirectory implements Disposable {
  readonly #outside: Kernel<'outside'>
  readonly #root: Fd<'outside'>
  /** The directory that was looked up last, which is likely to be that of the next entry. */
  #last: { readonly path: string; readonly fd: Fd<'outside'> } | undefined

  constructor(outside: Kernel<'outside'>, path: string) {
    this.#outside = outside
    this.#root = outside.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY)
  }

  /** Opens what is there; undefined when nothing is. */
  open(path: string, flags: number): Fd<'outside'> | undefined {
    const fd = this.#outside.openat2(this.#root, partsOf(path).join('/') || '.', flags, IN_ROOT, [ENOENT])
    return fd.exists ? fd : undefined
  }

  /** Opens a file to be read; undefined when nothing is there. What else there may be, devices and pipes, is not touched. */
  openFile(path: string): Fd<'outside'> | undefined {
    using found = this.open(path, O_PATH)
    if (found === undefined) return undefined
    const mode = this.#outside.statx(found, '').stat?.mode ?? 0
    if ((mode & S_IFMT) !== S_IFREG) throw new Failure(`\`${path}\` of the image is not a file`)
    return this.#outside.openat(AT_FDCWD, `/proc/self/fd/${found.number}`, O_RDONLY)
  }

  /**
   * The place of a path, which holds until the next one is asked for; undefined for the root itself. Directories above it are
   * made when `make` is given and they are missing.
   */
  place(path: string, make: boolean): DirectoryPlace | undefined {
    const parts = partsOf(path)
    const name = parts.pop()
    if (name === undefined) return undefined
    const parent = this.#directory(parts, make)
    if (parent === undefined) return undefined
    const { devMajor, devMinor, inode } = this.#outside.statx(parent, '').stat!
    return {
      parent,
      name,
      path: `/proc/self/fd/${parent.number}/${name}`,
      key: `${devMajor}:${devMinor}:${inode}/${name}`,
    }
  }

  /** Removes what is at a place, and all that is in it; what is not there is fine. */
  remove({ parent, name }: DirectoryPlace): void {
    if (parent !== this.#last?.fd) this.#forget() // it may be in there
    removeAll(this.#outside, parent, name)
  }

  /** The places of what is in the directory at a place. */
  entries({ parent }: DirectoryPlace): DirectoryPlace[] {
    const { devMajor, devMinor, inode } = this.#outside.statx(parent, '').stat!
    return readdirSync(`/proc/self/fd/${parent.number}`).map(name => ({
      parent,
      name,
      path: `/proc/self/fd/${parent.number}/${name}`,
      key: `${devMajor}:${devMinor}:${inode}/${name}`,
    }))
  }

  [Symbol.dispose](): void {
    this.#forget()
    this.#root.close()
  }

  #directory(parts: readonly string[], make: boolean): Fd<'outside'> | undefined {
    const path = parts.join('/')
    if (this.#last?.path === path) return this.#last.fd
    let fd = this.open(path, O_PATH | O_DIRECTORY)
    if (fd === undefined && make) {
      const place = this.place(path, true)!
      mkdirSync(place.path, 0o755)
      fd = this.open(path, O_PATH | O_DIRECTORY)
    }
    this.#forget()
    this.#last = fd && { path, fd }
    return fd
  }

  #forget(): void {
    this.#last?.fd.close()
    this.#last = undefined
  }
}

/** The names of a path. Throws a Failure for one that climbs. */
function partsOf(path: string): string[] {
  const parts = path.split('/').filter(part => part !== '' && part !== '.')
  if (parts.includes('..') || path.includes('\0'))
    throw new Failure(`the path \`${path}\` of the image leads out of it`)
  return parts
}

/** Is something at the place, and is it a directory? */
export function kindOf({ path }: DirectoryPlace): 'nothing' | 'directory' | 'other' {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return 'nothing'
  return stat.isDirectory() ? 'directory' : 'other'
}
