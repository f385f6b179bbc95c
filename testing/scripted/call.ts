import { EBADF, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import { Errno } from './errno.ts'
import { type FileNode, type Lookup, type NodeWalk, walk } from './nodes.ts'
import { OpenListener, NodeFile, type OpenFile, OpenStream } from './open.ts'
import type { Process } from './process.ts'
import type { Implementation, World } from './world.ts'

/** One line of the log: a system call, by whom, and what came of it. */
export interface LoggedCall {
  /** The first call of a run is 1. */
  readonly number: number
  readonly pid: number
  /** The name of the process at that moment: `planner`, `tsrun`, `tsrun:init`, a program's path. */
  readonly who: string
  readonly name: string
  readonly args: readonly number[]
  /** The arguments that are strings. */
  readonly texts: readonly string[]
  /** Undefined for a call that never returned. */
  result: number | undefined
}

/** Which arguments of a call are strings. */
const TEXTS: Readonly<Record<string, readonly number[]>> = {
  chdir: [0],
  chroot: [0],
  execve: [0],
  faccessat: [1],
  fchmodat: [1],
  fchownat: [1],
  fsconfig: [2, 3],
  fsopen: [0],
  memfd_create: [0],
  mkdirat: [1],
  mknodat: [1],
  mount: [0, 1],
  mount_setattr: [1],
  move_mount: [1, 3],
  open_tree: [1],
  openat: [1],
  openat2: [1],
  pivot_root: [0, 1],
  readlinkat: [1],
  renameat2: [1, 3],
  setdomainname: [0],
  sethostname: [0],
  statfs: [0],
  statx: [1],
  symlinkat: [0, 2],
  umount2: [0],
  unlinkat: [1],
}

/** A system call that is being made; kept while it is blocked. */
export class Invocation {
  readonly world: World
  readonly process: Process
  readonly args: readonly number[]
  readonly entry: LoggedCall
  readonly implementation: Implementation | undefined
  /** When a call with a timeout gives up, in milliseconds of the world's clock. */
  deadline: number | undefined

  constructor(
    world: World,
    process: Process,
    number: number,
    name: string,
    args: readonly number[],
    implementation: Implementation | undefined,
  ) {
    this.world = world
    this.process = process
    this.args = args
    this.implementation = implementation
    const { pid, name: who } = process
    const texts = (TEXTS[name] ?? []).filter(i => args[i]).map(i => this.text(i))
    // The bytes of short writes say more than their address.
    if (name === 'write' && args[2]! < 256) texts.push(String.fromCharCode(...this.bytes(1, args[2]!)))
    this.entry = { number, pid, who, name, args, texts, result: undefined }
  }

  /** An argument as the kernel takes an `int`. */
  int(i: number): number {
    return (this.args[i] ?? 0) | 0
  }

  /** An argument as the kernel takes an `unsigned int`. */
  unsigned(i: number): number {
    return (this.args[i] ?? 0) >>> 0
  }

  address(i: number): number {
    return this.args[i] ?? 0
  }

  text(i: number): string {
    return this.process.memory.text(this.address(i))
  }

  bytes(i: number, size: number): Uint8Array {
    return this.process.memory.at(this.address(i), size)
  }

  view(i: number, size: number): DataView {
    return this.process.memory.view(this.address(i), size)
  }

  /** The open file of a descriptor. Errors: EBADF. */
  file(i: number): OpenFile {
    return this.process.file(this.int(i))
  }

  nodeFile(i: number): NodeFile {
    const file = this.file(i)
    if (!(file instanceof NodeFile)) throw new Errno(EBADF)
    return file
  }

  stream(i: number): OpenStream | undefined {
    const file = this.file(i)
    return file instanceof OpenStream ? file : file instanceof OpenListener ? file.stream : undefined
  }

  /** The node of a descriptor or of AT_FDCWD: where a relative path starts. */
  start(i: number): FileNode {
    return this.int(i) === AT_FDCWD ? this.process.cwd : this.nodeFile(i).node
  }

  /** What the path in argument `i + 1` leads to from the directory in argument `i`. */
  place(i: number, follow: boolean, more: Partial<NodeWalk> = {}): Lookup {
    const path = this.text(i + 1)
    const start = path.startsWith('/') && more.root === undefined ? this.process.cwd : this.start(i)
    if (path !== '' && !start.isDirectory) throw new Errno(ENOTDIR)
    return walk(start, path, { root: this.process.root, by: this.process, follow, ...more })
  }
}
