import { ECONNREFUSED, EINVAL, ENOENT } from '../../../abi/errno.ts'
import { S_IFSOCK } from '../../../abi/stat.ts'
import { decode } from '../../../utf8.ts'
import type { Invocation } from '../call.ts'
import { BLOCKED, EADDRINUSE, Errno } from '../errno.ts'
import { FileNode, type Place, walk } from '../nodes.ts'
import { Listener, Stream } from '../open.ts'
import type { Implementation } from '../world.ts'

/** unix(7), as far as stream sockets go. */
export const socketCalls: Readonly<Record<string, Implementation>> = {
  socketpair(call) {
    const out = call.view(3, 8)
    Stream.pair().forEach((end, i) => {
      out.setInt32(4 * i, call.process.install(end, true), true)
    })
  },

  socket: call => call.process.install(new Listener(), true),

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
    const [own, theirs] = Stream.pair()
    listener(call).stream = own
    node.listener.backlog.push(theirs)
  },

  sendto: call => call.file(0).write(call.bytes(1, call.unsigned(2)), call.process),
  shutdown(call) {
    call.stream(0)?.endWriting()
  },
  ioctl: call => void call.file(0),
}

function listener(call: Invocation): Listener {
  const socket = call.file(0)
  if (!(socket instanceof Listener)) throw new Errno(EINVAL)
  return socket
}

/** The path of a struct sockaddr_un: a family of two bytes, then the name. */
function place(call: Invocation): Place {
  const name = decode(call.bytes(1, call.unsigned(2)).subarray(2)).replace(/\0.*$/, '')
  const { root, cwd } = call.process
  return walk(cwd, name, { root, by: call.process, follow: true })
}
