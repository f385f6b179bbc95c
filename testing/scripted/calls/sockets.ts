import { ECONNREFUSED, EINVAL, ENOENT } from '../../../native/abi/errno.ts'
import { SCM_RIGHTS, SOL_SOCKET } from '../../../native/abi/socket.ts'
import { S_IFSOCK } from '../../../native/abi/stat.ts'
import { get64 } from '../../../native/struct.ts'
import { decode } from '../../../native/utf8.ts'
import type { Invocation } from '../call.ts'
import { BLOCKED, EADDRINUSE, Errno } from '../errno.ts'
import { FileNode, type Lookup, walk } from '../nodes.ts'
import { OpenListener, OpenStream } from '../open.ts'
import type { Implementation } from '../world.ts'

/** unix(7), as far as stream sockets go. */
export const socketCalls: Readonly<Record<string, Implementation>> = {
  socketpair(call) {
    const out = call.view(3, 8)
    OpenStream.pair().forEach((end, i) => {
      out.setInt32(4 * i, call.process.install(end, true), true)
    })
  },

  socket: call => call.process.install(new OpenListener(), true),

  bind(call) {
    const { directory, name, node } = place(call)
    if (node !== undefined) throw new Errno(EADDRINUSE)
    const socket = listener(call)
    socket.node = directory.add(name, new FileNode(S_IFSOCK, 0o755))
    socket.node.listener = socket
  },

  listen(call) {
    listener(call).listening = true
  },

  accept4(call) {
    const connection = listener(call).backlog.shift()
    return connection === undefined ? BLOCKED : call.process.install(connection, true)
  },

  connect(call) {
    const { node } = place(call)
    if (node === undefined) throw new Errno(ENOENT)
    if (!node.listener?.listening) throw new Errno(ECONNREFUSED)
    const [own, theirs] = OpenStream.pair()
    listener(call).stream = own
    node.listener.backlog.push(theirs)
  },

  sendto: call => call.file(0).write(call.bytes(1, call.unsigned(2)), call.process),
  shutdown(call) {
    call.stream(0)?.endWriting()
  },

  /** One piece of data, and one descriptor beside it; see unix(7). */
  sendmsg(call) {
    const { data, rights } = message(call)
    const stream = call.stream(0)
    const file = call.process.file(rights.getInt32(CMSG_DATA, true))
    const sent = call.file(0).write(data, call.process)
    file.references++
    stream!.peer!.passed.push(file)
    return sent
  },

  recvmsg(call) {
    const { data, rights } = message(call)
    const stream = call.stream(0)
    const bytes = stream?.read(data.length)
    if (bytes === undefined || bytes === BLOCKED) return BLOCKED
    data.set(bytes)
    const file = stream?.passed.shift()
    if (file === undefined) return bytes.length
    rights.setUint32(0, CMSG_DATA + 4, true)
    rights.setUint32(8, SOL_SOCKET, true)
    rights.setUint32(12, SCM_RIGHTS, true)
    rights.setInt32(CMSG_DATA, call.process.install(file, true), true)
    file.references--
    return bytes.length
  },
}

const CMSG_DATA = 16

/** What struct msghdr points to: the first piece of data, and the control message. */
function message(call: Invocation): { data: Uint8Array; rights: DataView } {
  const header = call.view(1, 56)
  const { memory } = call.process
  const piece = memory.view(get64(header, 16), 16)
  return {
    data: memory.at(get64(piece, 0), get64(piece, 8)),
    rights: memory.view(get64(header, 32), get64(header, 40)),
  }
}

function listener(call: Invocation): OpenListener {
  const socket = call.file(0)
  if (!(socket instanceof OpenListener)) throw new Errno(EINVAL)
  return socket
}

/** The path of a struct sockaddr_un: a family of two bytes, then the name. */
function place(call: Invocation): Lookup {
  const name = decode(call.bytes(1, call.unsigned(2)).subarray(2)).replace(/\0.*$/, '')
  const { root, cwd } = call.process
  return walk(cwd, name, { root, by: call.process, follow: true })
}
