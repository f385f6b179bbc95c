import { AF_INET, AF_UNIX, SHUT_WR, SIOCSIFFLAGS, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM } from '../abi/socket.ts'
import { Fd } from '../fd.ts'
import type { Call, Calls } from '../kernels/machine.ts'
import { Out, Struct } from '../struct.ts'
import { encode } from '../utf8.ts'

/** The longest path that fits into struct sockaddr_un with its NUL, see unix(7). */
export const SUN_PATH_MAX = 107

/** struct sockaddr_un. A path ends with a NUL; an abstract name starts with one and is as long as the address says. */
function unixAddress(path: string): Uint8Array {
  const name = encode(path)
  const address = new Uint8Array((path.startsWith('\0') ? 2 : 3) + name.length)
  new DataView(address.buffer).setUint16(0, AF_UNIX, true)
  address.set(name, 2)
  return address
}

export const socketCalls = {
  /** socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC), see socketpair(2). */
  socketpair(this: Calls): [Fd, Fd] {
    const out = new Out(8)
    this.now({ name: 'socketpair', args: [AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out] })
    const end = (at: number) => new Fd(this, { value: out.view.getInt32(at, true) }, 'socket pair')
    return [end(0), end(4)]
  },

  /** socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC), see unix(7). */
  unixSocket(this: Calls): Fd {
    return new Fd(this, this.later({ name: 'socket', args: [AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0] }), 'unix socket')
  },

  /** bind(socket, path) and listen(socket, 1), see unix(7). */
  listenAt(this: Calls, socket: Fd, path: string): void {
    const address = unixAddress(path)
    this.later({ name: 'bind', args: [socket, address, address.length], subject: `\`${path}\`` })
    this.later({ name: 'listen', args: [socket, 1] })
  },

  /** connect(socket, path), see unix(7). False when an errno of `tolerate` came back. */
  connectTo(this: Calls, socket: Fd, path: string, tolerate?: Call['tolerate']): boolean {
    const address = unixAddress(path)
    return this.now({ name: 'connect', args: [socket, address, address.length], subject: `\`${path}\``, tolerate }) >= 0
  },

  /** accept4(socket, NULL, NULL, SOCK_CLOEXEC), see accept(2). */
  accept(this: Calls, socket: Fd): Fd {
    return new Fd(this, this.later({ name: 'accept4', args: [socket, null, null, SOCK_CLOEXEC] }), 'connection')
  },

  /** shutdown(socket, SHUT_WR), see shutdown(2). */
  shutdownWrite(this: Calls, socket: Fd): void {
    this.later({ name: 'shutdown', args: [socket, SHUT_WR], tolerate: 'any' })
  },

  /** ioctl(socket, SIOCSIFFLAGS, {name, IFF_UP | IFF_RUNNING}), see netdevice(7). */
  interfaceUp(this: Calls, name: string): void {
    using socket = new Fd(this, this.later({ name: 'socket', args: [AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0] }), 'inet')
    const request = new Struct(40).u16(16, 0x1 | 0x40)
    request.bytes.set(encode(name))
    this.later({ name: 'ioctl', args: [socket, SIOCSIFFLAGS, request], subject: `interface ${name} up` })
  },
}
