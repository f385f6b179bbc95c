import { EAGAIN, ECONNRESET, ENOSYS, EPIPE } from '../abi/errno.ts'
import { TIMEVAL } from '../abi/layout/process.ts'
import { CMSGHDR, IFREQ, IOVEC, MSGHDR, SOCKADDR_UN, UCRED } from '../abi/layout/socket.ts'
import { IFF_RUNNING, IFF_UP } from '../abi/rtnetlink.ts'
import {
  AF_INET,
  AF_UNIX,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SCM_CREDENTIALS,
  SCM_PIDFD,
  SCM_RIGHTS,
  SHUT_WR,
  SIOCSIFFLAGS,
  SO_PASSPIDFD,
  SO_RCVTIMEO,
  SO_SNDTIMEO,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
} from '../abi/socket.ts'
import { Fd } from '../fd.ts'
import type { Call, Calls } from '../kernels/machine.ts'
import { Out, Room, Struct } from '../struct.ts'
import { encode } from '../utf8.ts'

/** The longest path that fits into struct sockaddr_un with its NUL, see unix(7). */
export const SUN_PATH_MAX = SOCKADDR_UN.size - SOCKADDR_UN.sun_path - 1

/** struct sockaddr_un. A path ends with a NUL; an abstract name starts with one and is as long as the address says. */
function unixAddress(path: string): Uint8Array {
  const name = encode(path)
  const address = new Uint8Array(SOCKADDR_UN.sun_path + name.length + (path.startsWith('\0') ? 0 : 1))
  new DataView(address.buffer).setUint16(SOCKADDR_UN.sun_family, AF_UNIX, true)
  address.set(name, SOCKADDR_UN.sun_path)
  return address
}

const { cmsg_len, cmsg_level, cmsg_type } = CMSGHDR
/** Where a descriptor lies in a control message with one, and the size of such a message; see cmsg(3). */
export const CMSG_DATA = CMSGHDR.size
export const CMSG_SPACE = CMSG_DATA + 8
/** The longest payload of a message that hands over a descriptor. */
const PAYLOAD_MAX = 4096

/** `struct msghdr`: one piece of data and a control message; see sendmsg(2). */
export function messageHeader(data: Uint8Array | Out, control: Struct | Out, controlSize: number): Struct {
  const size = data instanceof Out ? data.size : data.length
  const pieces = new Struct(IOVEC.size).word(IOVEC.iov_base, data).u64(IOVEC.iov_len, size)
  return new Struct(MSGHDR.size)
    .word(MSGHDR.msg_iov, pieces)
    .u64(MSGHDR.msg_iovlen, 1)
    .word(MSGHDR.msg_control, control)
    .u64(MSGHDR.msg_controllen, controlSize)
}

/** Is this a control message with one descriptor? */
function isDescriptor(control: DataView): boolean {
  return control.getUint32(cmsg_len, true) === CMSG_DATA + 4 && control.getUint32(cmsg_type, true) === SCM_RIGHTS
}

/** struct ucred as a control message. */
const CREDENTIALS_LENGTH = CMSG_DATA + UCRED.size
const CREDENTIALS_SPACE = (CREDENTIALS_LENGTH + 7) & ~7

/**
 * A pidfd of a process without pidfd_open(2), or -errno, ESRCH when there is none: of a message to ourselves that says to be
 * from that process the kernel hands out the sender's (SO_PASSPIDFD, since Linux 6.5). It lets only CAP_SYS_ADMIN say so; see
 * SCM_CREDENTIALS in unix(7).
 */
export function pidfdByMessage(calls: Calls & Pick<typeof socketCalls, 'socketpair'>, pid: number): number {
  const [from, to] = calls.socketpair()
  using _ = from
  using __ = to
  const make = (name: Call['name'], args: Call['args']) => calls.now({ name, args, tolerate: 'any' })
  const asked = make('setsockopt', [to, SOL_SOCKET, SO_PASSPIDFD, new Struct(4).u32(0, 1), 4])
  if (asked < 0) return asked
  const credentials = new Struct(CREDENTIALS_SPACE)
    .u64(cmsg_len, CREDENTIALS_LENGTH)
    .u32(cmsg_level, SOL_SOCKET)
    .u32(cmsg_type, SCM_CREDENTIALS)
    .u32(CMSG_DATA + UCRED.pid, pid)
    .u32(CMSG_DATA + UCRED.uid, make('geteuid', []))
    .u32(CMSG_DATA + UCRED.gid, make('getegid', []))
  const sent = make('sendmsg', [from, messageHeader(new Uint8Array(1), credentials, CREDENTIALS_SPACE), MSG_NOSIGNAL])
  if (sent < 0) return sent
  const control = new Out(CMSG_SPACE)
  const got = make('recvmsg', [to, messageHeader(new Room(1), control, CMSG_SPACE), MSG_CMSG_CLOEXEC])
  if (got < 0) return got
  const { view } = control
  return view.getUint32(cmsg_type, true) === SCM_PIDFD ? view.getInt32(CMSG_DATA, true) : -ENOSYS
}

export const socketCalls = {
  /** socketpair(AF_UNIX, type | SOCK_CLOEXEC), see socketpair(2). */
  socketpair(this: Calls, type = SOCK_STREAM): [Fd, Fd] {
    const out = new Out(8)
    this.now({ name: 'socketpair', args: [AF_UNIX, type | SOCK_CLOEXEC, 0, out] })
    const end = (at: number) => new Fd(this, out.view.getInt32(at, true), 'socket pair')
    return [end(0), end(4)]
  },

  /** socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC), see unix(7). */
  unixSocket(this: Calls): Fd {
    return new Fd(this, this.later({ name: 'socket', args: [AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0] }), 'unix socket')
  },

  /** socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC), see unix(7). */
  unixDatagramSocket(this: Calls): Fd {
    return new Fd(this, this.later({ name: 'socket', args: [AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0] }), 'unix socket')
  },

  /** bind(socket, path), see unix(7). */
  bindTo(this: Calls, socket: Fd, path: string): void {
    const address = unixAddress(path)
    this.later({ name: 'bind', args: [socket, address, address.length], subject: `\`${path}\`` })
  },

  /** bind(socket, path) and listen(socket, 1), see unix(7). */
  listenAt(this: Calls, socket: Fd, path: string): void {
    const address = unixAddress(path)
    this.later({ name: 'bind', args: [socket, address, address.length], subject: `\`${path}\`` })
    this.later({ name: 'listen', args: [socket, 1] })
  },

  /** connect(socket, path), see unix(7). False when an errno of `tolerate` came back. */
  connectTo(
    this: Calls,
    socket: Fd,
    path: string,
    tolerate?: Call['tolerate'],
    about?: Pick<Call, 'subject' | 'hint'>,
  ): boolean {
    const address = unixAddress(path)
    const args = [socket, address, address.length]
    return this.now({ name: 'connect', args, subject: `\`${path}\``, tolerate, ...about }) >= 0
  },

  /** accept4(socket, NULL, NULL, SOCK_CLOEXEC), see accept(2). */
  accept(this: Calls, socket: Fd): Fd {
    return new Fd(this, this.later({ name: 'accept4', args: [socket, null, null, SOCK_CLOEXEC] }), 'connection')
  },

  /**
   * sendmsg(socket, {payload, SCM_RIGHTS fd}, MSG_NOSIGNAL), see unix(7). The payload may not be empty: without a byte of
   * data a stream socket sends no descriptor.
   */
  sendDescriptor(
    this: Calls,
    socket: Fd | number,
    payload: string,
    fd: Fd,
    about?: Pick<Call, 'subject' | 'hint'>,
  ): void {
    // The descriptor has 32 bits in it; the word's upper half is the padding behind it.
    const rights = new Struct(CMSG_SPACE)
      .u64(cmsg_len, CMSG_DATA + 4)
      .u32(cmsg_level, SOL_SOCKET)
      .u32(cmsg_type, SCM_RIGHTS)
      .word(CMSG_DATA, fd)
    const args = [socket, messageHeader(encode(payload), rights, CMSG_SPACE), MSG_NOSIGNAL]
    this.later({ name: 'sendmsg', args, subject: fd.subject, ...about })
  },

  /** recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT): the descriptor in it, undefined when there is none. */
  receiveDescriptor(this: Calls, socket: Fd, subject: string): Fd | undefined {
    const rights = new Out(CMSG_SPACE)
    const args = [socket, messageHeader(new Room(PAYLOAD_MAX), rights, CMSG_SPACE), MSG_CMSG_CLOEXEC | MSG_DONTWAIT]
    this.now({ name: 'recvmsg', args, subject })
    const { view } = rights
    if (!isDescriptor(view)) return undefined
    return new Fd(this, view.getInt32(CMSG_DATA, true), subject)
  },

  /** sendto(socket, bytes, MSG_NOSIGNAL): one message, or nothing when the other end is closed; see send(2). */
  sendBytes(this: Calls, socket: Fd, bytes: Uint8Array): void {
    const args = [socket, bytes, bytes.length, MSG_NOSIGNAL, null, 0]
    this.now({ name: 'sendto', args, subject: socket.subject, tolerate: [EPIPE, ECONNRESET] })
  },

  /** The same with MSG_DONTWAIT: false when there is no room for it. */
  sendAtOnce(this: Calls, socket: Fd, bytes: Uint8Array): boolean {
    const args = [socket, bytes, bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT, null, 0]
    return this.now({ name: 'sendto', args, subject: socket.subject, tolerate: [EAGAIN] }) !== -EAGAIN
  },

  /** recvfrom(socket, bytes): the next message, cut at `size` bytes, without the descriptors in it; see recv(2). */
  receiveBytes(this: Calls, socket: Fd, size: number): Uint8Array {
    const data = new Room(size)
    this.now({ name: 'recvfrom', args: [socket, data, size, 0, null, null], subject: socket.subject })
    return data.bytes
  },

  /**
   * recvmsg(socket, &message, MSG_CMSG_CLOEXEC): the next message of at most `size` bytes, with the descriptor that came
   * with it, which the caller owns. No bytes mean that the other end is closed.
   */
  receiveMessage(
    this: Calls,
    socket: Fd,
    size: number,
    subject: string,
  ): { readonly bytes: Uint8Array; readonly descriptor: Fd | undefined } {
    const data = new Room(size)
    const rights = new Out(CMSG_SPACE)
    const args = [socket, messageHeader(data, rights, CMSG_SPACE), MSG_CMSG_CLOEXEC]
    if (this.now({ name: 'recvmsg', args, subject, tolerate: [ECONNRESET] }) < 0)
      return { bytes: new Uint8Array(0), descriptor: undefined }
    const { view } = rights
    const descriptor = isDescriptor(view) ? new Fd(this, view.getInt32(CMSG_DATA, true), subject) : undefined
    return { bytes: data.bytes, descriptor }
  },

  /**
   * setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO or SO_SNDTIMEO, &time), see socket(7): after that time a call that waits
   * fails with EAGAIN; 0 is never.
   */
  socketTimeout(this: Calls, socket: Fd, which: 'receive' | 'send', milliseconds: number): void {
    const time = new Struct(TIMEVAL.size)
      .u64(TIMEVAL.tv_sec, Math.floor(milliseconds / 1000))
      .u64(TIMEVAL.tv_usec, (milliseconds % 1000) * 1000)
    const option = which === 'receive' ? SO_RCVTIMEO : SO_SNDTIMEO
    this.later({ name: 'setsockopt', args: [socket, SOL_SOCKET, option, time, TIMEVAL.size] })
  },

  /** shutdown(socket, SHUT_WR), see shutdown(2). */
  shutdownWrite(this: Calls, socket: Fd): void {
    this.later({ name: 'shutdown', args: [socket, SHUT_WR], tolerate: 'any' })
  },

  /** ioctl(socket, SIOCSIFFLAGS, {name, IFF_UP | IFF_RUNNING}), see netdevice(7). */
  interfaceUp(this: Calls, name: string): void {
    using socket = new Fd(this, this.later({ name: 'socket', args: [AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0] }), 'inet')
    const request = new Struct(IFREQ.size).u16(IFREQ.ifr_flags, IFF_UP | IFF_RUNNING)
    request.bytes.set(encode(name))
    const hint = {
      EPERM: 'a network namespace takes CAP_NET_ADMIN; run tsrun with it, or give the container a user namespace',
    }
    this.later({ name: 'ioctl', args: [socket, SIOCSIFFLAGS, request], subject: `interface ${name} up`, hint })
  },
}
