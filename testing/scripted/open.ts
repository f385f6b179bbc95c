import { EAGAIN, EBADF, EINVAL, EISDIR, ENOTCONN, EPERM, EPIPE } from '../../native/abi/errno.ts'
import { F_SEAL_WRITE, O_APPEND, O_NONBLOCK, O_PATH, O_RDONLY, O_WRONLY } from '../../native/abi/fcntl.ts'
import { POLLHUP, POLLIN, POLLOUT } from '../../native/abi/socket.ts'
import { decode, encode } from '../../native/utf8.ts'
import { BLOCKED, ECONNRESET, Errno } from './errno.ts'
import type { FileNode } from './nodes.ts'
import type { Process } from './process.ts'

const ACCESS_MODE = 3

/** An open file description: what descriptors, also of several processes, refer to. */
export abstract class OpenFile {
  /** How many descriptors refer to it. */
  references = 0
  flags: number
  abstract readonly subject: string

  constructor(flags = 0) {
    this.flags = flags
  }

  /** The next bytes, at most `size`; none at the end. */
  read(_size: number): Uint8Array | typeof BLOCKED {
    throw new Errno(EINVAL)
  }

  /** How many bytes were taken. */
  write(_bytes: Uint8Array, _by: Process): number {
    throw new Errno(EINVAL)
  }

  /** What poll(2) would say now. */
  poll(): number {
    return POLLIN | POLLOUT
  }

  /** The last descriptor is closed. */
  release(): void {}
}

/** A file or directory that is open, or only found (O_PATH). */
export class NodeFile extends OpenFile {
  readonly node: FileNode
  position = 0
  /** The names of a directory, as they were at the first getdents64. */
  names: string[] | undefined

  constructor(node: FileNode, flags: number) {
    super(flags)
    this.node = node
  }

  get subject(): string {
    return this.node.path
  }

  override read(size: number): Uint8Array {
    if (this.flags & O_PATH || (this.flags & ACCESS_MODE) === O_WRONLY) throw new Errno(EBADF)
    if (this.node.isDirectory) throw new Errno(EISDIR)
    const made = this.node.behaviour.read?.()
    const all = made === undefined ? this.node.bytes.subarray(0, this.node.size) : encode(made)
    const piece = all.slice(this.position, this.position + size)
    this.position += piece.length
    return piece
  }

  override write(bytes: Uint8Array, by: Process): number {
    const { node } = this
    if (this.flags & O_PATH || (this.flags & ACCESS_MODE) === O_RDONLY) throw new Errno(EBADF)
    if (node.seals & F_SEAL_WRITE) throw new Errno(EPERM)
    if (node.behaviour.write) {
      node.behaviour.write(decode(bytes), by)
      return bytes.length
    }
    if (this.flags & O_APPEND) this.position = node.size
    if (this.position + bytes.length > node.size) node.resize(this.position + bytes.length)
    node.bytes.set(bytes, this.position)
    this.position += bytes.length
    return bytes.length
  }

  override release(): void {
    if (this.node.holder === this) this.node.holder = undefined
  }
}

/** One end of a pair of connected stream sockets, see unix(7). */
export class OpenStream extends OpenFile {
  readonly subject = 'stream'
  peer: OpenStream | undefined
  incoming: number[] = []
  /** Open files that came beside the bytes, and that nobody has taken yet. */
  passed: OpenFile[] = []
  /** The peer sends no more. */
  ended = false
  /** The peer closed with bytes of ours unread. */
  reset = false

  static pair(): [OpenStream, OpenStream] {
    const [a, b] = [new OpenStream(), new OpenStream()]
    a.peer = b
    b.peer = a
    return [a, b]
  }

  override read(size: number): Uint8Array | typeof BLOCKED {
    if (this.incoming.length > 0) return Uint8Array.from(this.incoming.splice(0, size))
    if (this.reset) {
      this.reset = false
      throw new Errno(ECONNRESET)
    }
    if (this.ended) return new Uint8Array(0)
    if (this.flags & O_NONBLOCK) throw new Errno(EAGAIN)
    return BLOCKED
  }

  override write(bytes: Uint8Array): number {
    if (this.peer === undefined) throw new Errno(EPIPE)
    for (const byte of bytes) this.peer.incoming.push(byte)
    return bytes.length
  }

  override poll(): number {
    const readable = this.incoming.length > 0 || this.ended
    return POLLOUT | (readable ? POLLIN : 0) | (this.ended ? POLLHUP : 0)
  }

  /** shutdown(2) with SHUT_WR. */
  endWriting(): void {
    if (this.peer) this.peer.ended = true
  }

  override release(): void {
    if (this.peer === undefined) return
    for (const file of this.passed) if (--file.references === 0) file.release()
    this.peer.ended = true
    this.peer.reset = this.incoming.length > 0
    this.peer.peer = undefined
    this.peer = undefined
  }
}

/** A socket before it is connected, and one that listens. */
export class OpenListener extends OpenFile {
  readonly subject = 'socket'
  node: FileNode | undefined
  listening = false
  /** Connections that nobody has accepted. */
  backlog: OpenStream[] = []
  /** connect(2) made it one end of a stream. */
  stream: OpenStream | undefined

  override read(size: number): Uint8Array | typeof BLOCKED {
    if (this.stream === undefined) throw new Errno(ENOTCONN)
    return this.stream.read(size)
  }

  override write(bytes: Uint8Array): number {
    if (this.stream === undefined) throw new Errno(ENOTCONN)
    return this.stream.write(bytes)
  }

  override poll(): number {
    if (this.stream) return this.stream.poll()
    return this.backlog.length > 0 ? POLLIN : 0
  }

  override release(): void {
    this.stream?.release()
    for (const connection of this.backlog) connection.release()
    if (this.node?.listener === this) this.node.listener = undefined
  }
}

/** pidfd_open(2): readable when the process has ended. */
export class Pidfd extends OpenFile {
  readonly process: Process

  constructor(process: Process) {
    super()
    this.process = process
  }

  get subject(): string {
    return `pidfd ${this.process.pid}`
  }

  override poll(): number {
    return this.process.ended ? POLLIN : 0
  }
}

/** A descriptor whose insides the model leaves out: the context of a file system, a BPF program. */
export class Opaque extends OpenFile {
  readonly subject: string

  constructor(subject: string) {
    super()
    this.subject = subject
  }
}
