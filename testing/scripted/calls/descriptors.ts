import { EAGAIN, EBADF, EINVAL, EPIPE } from '../../../native/abi/errno.ts'
import {
  CLOSE_RANGE_CLOEXEC,
  F_ADD_SEALS,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_GETFL,
  F_SETFD,
  F_SETFL,
  LOCK_NB,
  LOCK_UN,
  O_CLOEXEC,
  O_RDWR,
} from '../../../native/abi/fcntl.ts'
import { SIGALRM, SIGPIPE } from '../../../native/abi/signal.ts'
import { S_IFDIR, S_IFREG } from '../../../native/abi/stat.ts'
import { get64, put64 } from '../../../native/struct.ts'
import { encode } from '../../../native/utf8.ts'
import type { Invocation } from '../call.ts'
import { BLOCKED, Errno } from '../errno.ts'
import { FileNode } from '../nodes.ts'
import { NodeFile } from '../open.ts'
import type { Implementation } from '../world.ts'

const EWOULDBLOCK = EAGAIN
const LISTED_SIZE = 19

/** Calls on descriptors, whatever they refer to. */
export const descriptorCalls: Readonly<Record<string, Implementation>> = {
  close(call) {
    call.process.close(call.int(0))
  },

  close_range(call) {
    const fds = call.process.descriptors.filter(fd => fd >= call.unsigned(0) && fd <= call.unsigned(1))
    if (call.unsigned(0) > call.unsigned(1)) throw new Errno(EINVAL)
    for (const fd of fds) {
      if (call.int(2) & CLOSE_RANGE_CLOEXEC) call.process.closeOnExec(fd)
      else call.process.close(fd)
    }
  },

  dup3(call) {
    if (call.int(0) === call.int(1)) throw new Errno(EINVAL)
    return call.process.put(call.int(1), call.file(0), (call.int(2) & O_CLOEXEC) !== 0)
  },

  fcntl(call) {
    const file = call.file(0)
    switch (call.int(1)) {
      case F_DUPFD_CLOEXEC:
        return call.process.install(file, true, call.int(2))
      case F_GETFD:
        return 0
      case F_SETFD:
        call.process.closeOnExec(call.int(0), call.int(2) !== 0)
        return 0
      case F_GETFL:
        return file.flags
      case F_SETFL:
        file.flags = call.unsigned(2)
        return 0
      case F_ADD_SEALS:
        call.nodeFile(0).node.seals |= call.int(2)
        return 0
      default:
        throw new Errno(EINVAL)
    }
  },

  read(call) {
    const size = call.unsigned(2)
    const bytes = call.file(0).read(size)
    if (bytes === BLOCKED) return BLOCKED
    call.bytes(1, size).set(bytes)
    return bytes.length
  },

  write(call) {
    const { process, world } = call
    try {
      return call.file(0).write(call.bytes(1, call.unsigned(2)), process)
    } catch (error) {
      // Whoever has not turned it off, as Node.js does, is killed by SIGPIPE.
      if (error instanceof Errno && error.errno === EPIPE && process !== world.planner) world.end(process, SIGPIPE)
      throw error
    }
  },

  writev(call) {
    let written = 0
    const pieces = call.view(1, 16 * call.unsigned(2))
    for (let at = 0; at < pieces.byteLength; at += 16) {
      const bytes = call.process.memory.at(get64(pieces, at), get64(pieces, at + 8))
      written += call.file(0).write(bytes, call.process)
    }
    return written
  },

  lseek(call) {
    call.nodeFile(0).position = call.address(1)
    return call.address(1)
  },

  ftruncate(call) {
    call.nodeFile(0).node.resize(call.address(1))
  },

  memfd_create(call) {
    const node = new FileNode(S_IFREG, 0o777)
    node.name = `memfd:${call.text(0)}`
    return call.process.install(new NodeFile(node, O_RDWR), true)
  },

  sendfile(call) {
    if (call.address(2) !== 0) throw new Errno(EINVAL)
    const bytes = call.file(1).read(call.unsigned(3))
    return bytes === BLOCKED ? BLOCKED : call.file(0).write(bytes, call.process)
  },

  flock(call) {
    const { node } = call.nodeFile(0)
    const file = call.file(0)
    if (call.int(1) & LOCK_UN) {
      if (node.holder === file) node.holder = undefined
      return 0
    }
    if (node.holder !== undefined && node.holder !== file) {
      if (call.int(1) & LOCK_NB) throw new Errno(EWOULDBLOCK)
      return BLOCKED
    }
    node.holder = file
    return 0
  },

  getdents64,

  /** struct pollfd: the descriptor, what to wait for, what there is. */
  ppoll(call) {
    const count = call.unsigned(1)
    const fds = call.view(0, 8 * count)
    let ready = 0
    for (let at = 0; at < 8 * count; at += 8) {
      const wanted = fds.getInt16(at + 4, true)
      const state = call.process.file(fds.getInt32(at, true)).poll() & (wanted | 0x18)
      fds.setInt16(at + 6, state, true)
      if (state !== 0) ready++
    }
    return ready > 0 ? ready : waitFor(call, 2)
  },

  nanosleep: call => waitFor(call, 0),
}

/** Blocks until the time in the struct timespec of argument `i` is over; for ever without one. */
function waitFor(call: Invocation, i: number) {
  const { process, world } = call
  if (process.alarm !== undefined && world.clock >= process.alarm) world.end(process, SIGALRM)
  if (call.address(i) === 0) return BLOCKED
  const time = call.view(i, 16)
  call.deadline ??= call.world.clock + get64(time, 0) * 1000 + get64(time, 8) / 1e6
  return call.world.clock >= call.deadline ? 0 : BLOCKED
}

/** struct linux_dirent64, one after the other: inode, offset, length, type, name. */
function getdents64(call: Invocation): number {
  const file = call.nodeFile(0)
  if (!file.node.isDirectory) throw new Errno(EBADF)
  file.names ??= ['.', '..', ...file.node.children.keys()]
  const size = call.unsigned(2)
  const view = call.view(1, size)
  let at = 0
  while (file.position < file.names.length) {
    const name = encode(file.names[file.position]!)
    const length = (LISTED_SIZE + name.length + 8) & ~7
    if (at + length > size) break
    put64(view, at, file.position + 1)
    put64(view, at + 8, file.position + 1)
    view.setUint16(at + 16, length, true)
    call.bytes(1, size).fill(0, at + 18, at + length)
    call.bytes(1, size).set(name, at + LISTED_SIZE)
    view.setUint8(at + LISTED_SIZE - 1, (file.node.children.get(file.names[file.position]!)?.type ?? S_IFDIR) >> 12)
    at += length
    file.position++
  }
  if (at === 0 && file.position < file.names.length) throw new Errno(EINVAL)
  return at
}
