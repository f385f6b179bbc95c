import { EEXIST, ELOOP, ENOENT, ENOTDIR, ENOTEMPTY } from '../../native/abi/errno.ts'
import { S_IFDIR, S_IFLNK, S_IFREG } from '../../native/abi/stat.ts'
import { decode, encode } from '../../native/utf8.ts'
import { Errno } from './errno.ts'
import { largeBuffer } from './memory.ts'
import type { OpenListener, OpenFile } from './open.ts'
import type { Process } from './process.ts'

const MAX_LINKS = 40
const LARGE = 1 << 20
let inodes = 1

/** What files and directories that the kernel makes up do instead of the usual. */
export interface Behaviour {
  /** Entries that are made up when somebody looks. */
  find?(name: string, by: Process): FileNode | undefined
  read?(): string
  /** Errors: Errno. */
  write?(text: string, by: Process): void
  /** Makes the directory `name` in this one. */
  mkdir?(name: string): FileNode
  /** May this directory be removed? Errors: Errno. */
  rmdir?(): void
  /** Where a magic link leads to. */
  jump?(by: Process): FileNode
}

/** A file, directory, link or device: an inode with its one name. */
export class FileNode {
  readonly type: number
  readonly behaviour: Behaviour
  inode = inodes++
  readonly children = new Map<string, FileNode>()
  parent: FileNode | undefined
  name = ''
  mode: number
  uid = 0
  gid = 0
  device: readonly [number, number] = [0, 0]
  /** The magic number of the file system that starts here, as statfs(2) tells it. */
  magic: number | undefined
  bytes: Uint8Array = new Uint8Array(0)
  size = 0
  target = ''
  seals = 0
  /** The open file that holds the lock of flock(2). */
  holder: OpenFile | undefined
  /** The socket that is bound to this name. */
  listener: OpenListener | undefined

  constructor(type: number, mode = 0o755, behaviour: Behaviour = {}) {
    this.type = type
    this.mode = mode
    this.behaviour = behaviour
  }

  get isDirectory(): boolean {
    return this.type === S_IFDIR
  }

  get path(): string {
    if (this.parent === undefined) return this.name === '' ? '/' : this.name
    return `${this.parent.path}/${this.name}`.replace('//', '/')
  }

  /** Zero once it has lost its name, as st_nlink. */
  get links(): number {
    return this.parent === undefined && this.name !== '' ? 0 : 1
  }

  get content(): string {
    return decode(this.bytes.subarray(0, this.size))
  }

  set content(text: string) {
    this.bytes = encode(text)
    this.size = this.bytes.length
  }

  find(name: string, by: Process): FileNode | undefined {
    if (!this.isDirectory) throw new Errno(ENOTDIR)
    return this.children.get(name) ?? this.behaviour.find?.(name, by)
  }

  /** Gives `node` a name in this directory. Errors: EEXIST. */
  add<T extends FileNode>(name: string, node: T): T {
    if (!this.isDirectory) throw new Errno(ENOTDIR)
    if (this.children.has(name)) throw new Errno(EEXIST)
    node.parent = this
    node.name = name
    this.children.set(name, node)
    return node
  }

  /** Takes its name away. Errors: ENOTEMPTY. */
  remove(): void {
    this.behaviour.rmdir?.()
    if (this.behaviour.rmdir === undefined && this.children.size > 0) throw new Errno(ENOTEMPTY)
    this.parent?.children.delete(this.name)
    this.parent = undefined
  }

  /** Makes room for `size` bytes. */
  resize(size: number): void {
    if (size > this.bytes.length) {
      const room = Math.max(size, 2 * this.bytes.length)
      const bytes = new Uint8Array(room < LARGE ? new ArrayBuffer(room) : largeBuffer(room))
      bytes.set(this.bytes)
      this.bytes = bytes
    }
    this.size = size
  }
}

/** Makes a directory, with its parents, or a file, for the tree that a test starts from. */
export function directoryAt(root: FileNode, path: string): FileNode {
  let at = root
  for (const name of path.split('/').filter(Boolean)) {
    at = at.children.get(name) ?? at.add(name, new FileNode(S_IFDIR))
  }
  return at
}

export function fileAt(root: FileNode, path: string, content = '', mode = 0o644): FileNode {
  const slash = path.lastIndexOf('/')
  const file = directoryAt(root, path.slice(0, slash)).add(path.slice(slash + 1), new FileNode(S_IFREG, mode))
  file.content = content
  return file
}

/** What a path leads to. `node` is undefined when the directory has no such entry. */
export interface Lookup {
  readonly directory: FileNode
  readonly name: string
  readonly node: FileNode | undefined
}

export interface NodeWalk {
  readonly root: FileNode
  readonly by: Process
  /** Follow a link that the last name is. */
  readonly follow: boolean
  readonly noSymlinks?: boolean
}

/** path_resolution(7). Errors: ENOENT and ENOTDIR on the way, ELOOP. */
export function walk(from: FileNode, path: string, { root, by, follow, noSymlinks }: NodeWalk): Lookup {
  const split = (text: string) => text.split('/').filter(part => part !== '' && part !== '.')
  const parts = split(path)
  let at = path.startsWith('/') ? root : from
  let place: Lookup = { directory: at, name: '.', node: at }
  let links = 0
  while (parts.length > 0) {
    const name = parts.shift()!
    if (name === '..') {
      at = at === root ? at : (at.parent ?? at)
      place = { directory: at, name: '.', node: at }
      continue
    }
    const node = at.find(name, by)
    place = { directory: at, name, node }
    if (node === undefined) {
      if (parts.length === 0) return place
      throw new Errno(ENOENT)
    }
    if (node.type === S_IFLNK && (parts.length > 0 || follow)) {
      if (noSymlinks || ++links > MAX_LINKS) throw new Errno(ELOOP)
      if (node.behaviour.jump) at = node.behaviour.jump(by)
      else {
        if (node.target.startsWith('/')) at = root
        parts.unshift(...split(node.target))
      }
      place = { directory: at, name: '.', node: at }
    } else if (parts.length > 0) at = node
  }
  return place
}
