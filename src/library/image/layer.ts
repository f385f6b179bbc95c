import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import type { Entry } from 'tar-stream'
import { EACCES, EOPNOTSUPP, EPERM } from '../../../native/abi/errno.ts'
import { O_PATH } from '../../../native/abi/fcntl.ts'
import { S_IFBLK, S_IFCHR, S_IFIFO } from '../../../native/abi/stat.ts'
import { deviceNumber } from '../../../native/calls/stat.ts'
import { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { encode } from '../../../native/utf8.ts'
import { doing, Failure, KernelError } from '../../errors.ts'
import { type DirectoryPlace, kindOf, RootDirectory } from './directory.ts'

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants
const PERMISSIONS = 0o7777

// Of a layer: `.wh.NAME` removes NAME of the layers below, `.wh..wh..opq` all that its directory has of them; see layer.md of
// the image specification.
const WHITEOUT = '.wh.'
const OPAQUE = '.wh..wh..opq'
const OTHER_MARKS = '.wh..wh.'

const XATTR = 'SCHILY.xattr.'
/** Those that mean something in a container; of trusted and system ones a layer has none. */
const XATTRS = /^(security\.capability$|user\.)/

const NODES: Readonly<Record<string, number>> = {
  'character-device': S_IFCHR,
  'block-device': S_IFBLK,
  fifo: S_IFIFO,
}

/** Where layers are unpacked, one over the other. */
export class LayerTarget implements Disposable {
  readonly #outside: Kernel<'outside'>
  readonly #root: RootDirectory
  /** May we give files away, and make devices? */
  readonly #privileged: boolean
  readonly #path: string
  /** What the layer that is being unpacked has brought, which its own whiteouts do not mean. */
  #fresh = new Set<string>()
  /** The paths of that, to look at each once. */
  #seen = new Set<string>()

  constructor(outside: Kernel<'outside'>, path: string, privileged: boolean) {
    this.#outside = outside
    this.#path = path
    this.#privileged = privileged
    this.#root = new RootDirectory(outside, path)
  }

  /** Unpacks a layer over what there is. Errors: Failure for an entry that leads out of the image or is no entry of a layer. */
  async apply(entries: AsyncIterable<Entry>): Promise<void> {
    this.#fresh = new Set()
    this.#seen = new Set()
    for await (const entry of entries) {
      const { name } = entry.header
      const whiteout = name.slice(name.lastIndexOf('/') + 1).startsWith(WHITEOUT)
      if (whiteout) unpacking(name, () => this.#whiteOut(name))
      else if (entry.header.type === 'file' || entry.header.type === 'contiguous-file') await this.#file(entry)
      else unpacking(name, () => this.#other(entry))
      entry.resume()
    }
  }

  [Symbol.dispose](): void {
    this.#root[Symbol.dispose]()
  }

  #whiteOut(name: string): void {
    const mark = this.#root.place(name, false)
    if (mark === undefined) return // nothing is below
    const hidden = mark.name === OPAQUE ? this.#root.entries(mark) : this.#hiddenBy(mark)
    for (const place of hidden) if (!this.#fresh.has(place.key)) this.#root.remove(place)
  }

  #hiddenBy({ name, parent, key, path }: DirectoryPlace): DirectoryPlace[] {
    if (name.startsWith(OTHER_MARKS)) return []
    const hidden = name.slice(WHITEOUT.length)
    if (['', '.', '..'].includes(hidden)) throw new Failure('it hides nothing that can be hidden')
    const other = (text: string) => `${text.slice(0, -name.length)}${hidden}`
    return [{ parent, name: hidden, path: other(path), key: other(key) }]
  }

  async #file(entry: Entry): Promise<void> {
    const { header } = entry
    const fd = unpacking(header.name, () => {
      const place = this.#free(header.name)
      return openSync(place.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    })
    try {
      await writeContent(fd, entry)
      unpacking(header.name, () => this.#dress(fd, header))
    } finally {
      closeSync(fd)
    }
  }

  #other({ header }: Entry): void {
    const { name, type, linkname, mtime } = header
    switch (type) {
      case 'directory':
        this.#directory(header)
        return
      case 'symlink': {
        const { path } = this.#free(name)
        symlinkSync(linkname!, path)
        if (this.#privileged) lchownSync(path, header.uid, header.gid)
        lutimesSync(path, mtime, mtime)
        return
      }
      case 'link':
        this.#link(name, linkname!)
        return
      case 'pax-global-header':
        return
    }
    if (NODES[type] === undefined) throw new Failure(`entries of type \`${type}\` are not for layers`)
    if (!this.#privileged && type !== 'fifo') return // nobody could use it
    const place = this.#free(name)
    const device = type === 'fifo' ? 0 : deviceNumber(header.devmajor, header.devminor)
    this.#outside.mknodat(place.parent, place.name, NODES[type]! | (header.mode & PERMISSIONS), device)
    if (this.#privileged) lchownSync(place.path, header.uid, header.gid)
  }

  #directory(header: Entry['header']): void {
    const place = this.#root.place(header.name, true)
    if (place !== undefined && kindOf(place) !== 'directory') mkdirSync(this.#free(header.name).path, 0o700)
    this.#isFresh(header.name)
    const path = this.#root.place(header.name, true)?.path ?? this.#path
    const fd = openSync(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    try {
      this.#dress(fd, header)
    } finally {
      closeSync(fd)
    }
  }

  /** A second name of a file of the image. */
  #link(name: string, target: string): void {
    const source = this.#root.place(target, false)
    if (source === undefined || kindOf(source) !== 'other') throw new Failure(`there is no file \`${target}\` to link`)
    // The place is looked up after the source, whose directory is closed by that.
    const fd = this.#outside.openat(source.parent, '.', O_PATH | O_DIRECTORY)
    using _ = fd
    const from = `/proc/self/fd/${fd.number}/${source.name}`
    linkSync(from, this.#free(name).path)
  }

  /** The place of a new entry, from which what was there is removed. */
  #free(name: string): DirectoryPlace {
    const place = this.#root.place(name, true)
    if (place === undefined) throw new Failure('the root of an image is a directory')
    if (kindOf(place) !== 'nothing') this.#root.remove(place)
    this.#isFresh(name)
    return this.#root.place(name, true)!
  }

  /** This layer has brought it, and with it the directories that it is in. */
  #isFresh(name: string): void {
    for (
      let path = name.replace(/\/+$/, '');
      path !== '' && !this.#seen.has(path);
      path = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    ) {
      this.#seen.add(path)
      const place = this.#root.place(path, true)
      if (place !== undefined) this.#fresh.add(place.key)
    }
  }

  /** Owner first: chown(2) takes the bits for setuid and capabilities away. */
  #dress(fd: number, { mode, uid, gid, mtime, pax }: Entry['header']): void {
    if (this.#privileged) fchownSync(fd, uid, gid)
    fchmodSync(fd, mode & PERMISSIONS)
    for (const [key, value] of Object.entries(pax ?? {})) {
      const name = key.startsWith(XATTR) ? key.slice(XATTR.length) : ''
      if (XATTRS.test(name))
        this.#outside.fsetxattr(new Fd(this.#outside, fd, name), name, encode(value), [EPERM, EACCES, EOPNOTSUPP])
    }
    futimesSync(fd, mtime, mtime)
  }
}

async function writeContent(fd: number, entry: Entry): Promise<void> {
  try {
    for await (const piece of entry) for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at)
  } catch (error) {
    unpacking(entry.header.name, () => {
      throw isOfCall(error) ? error : new Failure(`the archive is damaged: ${(error as Error).message}`)
    })
  }
}

/** Does something for an entry; what Node.js throws becomes a KernelError. */
function unpacking<T>(name: string, work: () => T): T {
  return doing(`unpack \`${name}\``, () => {
    try {
      return work()
    } catch (error) {
      if (isOfCall(error)) throw new KernelError(error.syscall, -error.errno)
      if ((error as NodeJS.ErrnoException).code === 'ERR_OUT_OF_RANGE') throw new Failure('its owner is no user')
      throw error
    }
  })
}

function isOfCall(error: unknown): error is { readonly errno: number; readonly syscall: string } {
  const { errno, syscall } = error as NodeJS.ErrnoException
  return errno !== undefined && syscall !== undefined && !(error instanceof Failure)
}
