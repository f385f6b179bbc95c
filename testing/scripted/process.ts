import { EBADF, EMFILE } from '../../native/abi/errno.ts'
import type { Invocation } from './call.ts'
import { Errno } from './errno.ts'
import type { Counter } from './executor.ts'
import { AddressSpace } from './memory.ts'
import type { FileNode } from './nodes.ts'
import type { OpenFile } from './open.ts'

const MAX_DESCRIPTORS = 1024

interface Slot {
  readonly file: OpenFile
  closeOnExec: boolean
}

/** What the files of a user namespace hold: the maps, once written. */
export interface UserNamespace {
  uid_map: string
  gid_map: string
  setgroups: string
}

/** A process of the model. */
export class Process {
  readonly pid: number
  parent: Process | undefined
  name: string
  root: FileNode
  cwd: FileNode
  memory = new AddressSpace()
  cgroup: FileNode | undefined
  /** The first process of its pid namespace when that is not the host's: when it ends, everybody in there does. */
  init: Process | undefined
  /** The same for the children that it will have, after a setns(2). */
  initOfChildren: Process | undefined
  userNamespace: UserNamespace | undefined
  /** Where the executor is in its code; undefined for other programs. */
  counter: Counter | undefined
  /** A call that waits for something. */
  pending: Invocation | undefined
  /** The status of wait(2) once it has ended. */
  status: number | undefined
  /** When SIGALRM comes, in milliseconds of the world's clock; it is noticed at the next timed wait. */
  alarm: number | undefined
  /** Nobody can wait for it any more. */
  reaped = false
  readonly #slots = new Map<number, Slot>()

  /** A child of `creator`, with what children inherit but for descriptors and memory. */
  constructor(pid: number, name: string, creator: Process | undefined, root: FileNode) {
    this.pid = pid
    this.name = name
    this.parent = creator
    this.root = creator?.root ?? root
    this.cwd = creator?.cwd ?? root
    this.cgroup = creator?.cgroup
    this.init = creator?.initOfChildren
    this.initOfChildren = this.init
    this.userNamespace = creator?.userNamespace
  }

  get ended(): boolean {
    return this.status !== undefined
  }

  /** Errors: EBADF. */
  file(fd: number): OpenFile {
    const slot = this.#slots.get(fd)
    if (slot === undefined) throw new Errno(EBADF)
    return slot.file
  }

  /** Puts an open file at the lowest free descriptor from `minimum` on. */
  install(file: OpenFile, closeOnExec: boolean, minimum = 0): number {
    let fd = minimum
    while (this.#slots.has(fd)) fd++
    if (fd >= MAX_DESCRIPTORS) throw new Errno(EMFILE)
    return this.put(fd, file, closeOnExec)
  }

  put(fd: number, file: OpenFile, closeOnExec: boolean): number {
    file.references++
    if (this.#slots.has(fd)) this.close(fd)
    this.#slots.set(fd, { file, closeOnExec })
    return fd
  }

  close(fd: number): void {
    const file = this.file(fd)
    this.#slots.delete(fd)
    if (--file.references === 0) file.release()
  }

  closeOnExec(fd: number, on = true): void {
    const slot = this.#slots.get(fd)
    if (slot) slot.closeOnExec = on
  }

  /** In ascending order. */
  get descriptors(): number[] {
    return [...this.#slots.keys()].sort((a, b) => a - b)
  }

  /** fork(2): the same open files, the same memory. */
  copyTo(child: Process): void {
    for (const [fd, { file, closeOnExec }] of this.#slots) child.put(fd, file, closeOnExec)
    child.memory = this.memory.copy()
  }

  /** execve(2): a new address space, and some descriptors go. */
  execute(name: string): void {
    this.name = name
    this.memory = new AddressSpace()
    this.counter = undefined
    for (const [fd, { closeOnExec }] of [...this.#slots]) if (closeOnExec) this.close(fd)
  }
}
