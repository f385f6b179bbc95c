import { errnoName } from './abi/errno.ts'
import { NLATTR, NLMSGHDR } from './abi/layout/socket.ts'
import { NETLINK_ROUTE, NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR } from './abi/rtnetlink.ts'
import { AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW } from './abi/socket.ts'
import { KernelError } from './failure.ts'
import { Fd, type Side } from './fd.ts'
import type { Kernel } from './kernel.ts'
import type { Call } from './kernels/machine.ts'

// Messages to and from the kernel's configuration of networks; see netlink(7), rtnetlink(7).

/** The kernel makes the pieces of a dump no larger. */
const PIECE_SIZE = 32768

/** A message that came in, without its header. */
export interface NetlinkMessage {
  readonly type: number
  readonly body: Uint8Array
}

/** What is asked: a type, flags besides NLM_F_REQUEST, a fixed part and attributes. */
export interface NetlinkRequest {
  readonly type: number
  readonly flags?: number
  readonly fixed: Uint8Array
  readonly attributes?: readonly (readonly [type: number, value: Uint8Array])[]
}

/** socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE): about the network namespace of who makes it. */
export function routeSocket<S extends Side>(kernel: Kernel<S>): Fd<S> {
  const args = [AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE]
  return new Fd(kernel, kernel.later({ name: 'socket', args, subject: 'rtnetlink' }), 'rtnetlink')
}

/** Sends a request and gives the answers; undefined for an errno that is tolerated. Errors: KernelError. */
export function ask<S extends Side>(
  kernel: Kernel<S>,
  socket: Fd<S>,
  request: NetlinkRequest,
  about: Pick<Call, 'subject' | 'hint'> & { readonly tolerate?: readonly number[] },
): NetlinkMessage[] | undefined {
  const bytes = requestBytes(request)
  kernel.later({ name: 'write', args: [socket, bytes, bytes.length], subject: about.subject })
  const answers: NetlinkMessage[] = []
  for (;;)
    for (const message of parseMessages(kernel.read(socket, PIECE_SIZE))) {
      if (message.type === NLMSG_DONE) return answers
      if (message.type !== NLMSG_ERROR) {
        answers.push(message)
        continue
      }
      const errno = -view(message.body).getInt32(0, true)
      if (errno === 0) return answers
      if (about.tolerate?.includes(errno)) return undefined
      throw new KernelError('rtnetlink', errno, about.subject, about.hint?.[errnoName(errno)])
    }
}

/** A request as the kernel reads it. A dump ends with a message of its own, everything else is acknowledged. */
export function requestBytes({ type, flags = 0, fixed, attributes = [] }: NetlinkRequest): Uint8Array {
  const parts = [fixed, ...attributes.map(([kind, value]) => attribute(kind, value))]
  const length = parts.reduce((sum, part) => sum + aligned(part.length), NLMSGHDR.size as number)
  const bytes = new Uint8Array(length)
  const header = view(bytes)
  const isDump = (flags & NLM_F_DUMP) === NLM_F_DUMP
  header.setUint32(NLMSGHDR.nlmsg_len, length, true)
  header.setUint16(NLMSGHDR.nlmsg_type, type, true)
  header.setUint16(NLMSGHDR.nlmsg_flags, NLM_F_REQUEST | flags | (isDump ? 0 : NLM_F_ACK), true)
  let at: number = NLMSGHDR.size
  for (const part of parts) {
    bytes.set(part, at)
    at += aligned(part.length)
  }
  return bytes
}

/** struct nlattr and what follows it. */
function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(NLATTR.size + value.length)
  view(bytes).setUint16(NLATTR.nla_len, bytes.length, true)
  view(bytes).setUint16(NLATTR.nla_type, type, true)
  bytes.set(value, NLATTR.size)
  return bytes
}

/** The messages in one piece that was read. */
export function parseMessages(bytes: Uint8Array): NetlinkMessage[] {
  const messages: NetlinkMessage[] = []
  for (let at = 0; at + NLMSGHDR.size <= bytes.length; ) {
    const header = view(bytes.subarray(at))
    const length = Math.max(header.getUint32(NLMSGHDR.nlmsg_len, true), NLMSGHDR.size)
    messages.push({
      type: header.getUint16(NLMSGHDR.nlmsg_type, true),
      body: bytes.subarray(at + NLMSGHDR.size, at + length),
    })
    at += aligned(length)
  }
  return messages
}

/** The attributes of a message, which stand behind `fixed` bytes of its body. */
export function parseAttributes({ body }: NetlinkMessage, fixed: number): Map<number, Uint8Array> {
  const found = new Map<number, Uint8Array>()
  for (let at = aligned(fixed); at + NLATTR.size <= body.length; ) {
    const header = view(body.subarray(at))
    const length = Math.max(header.getUint16(NLATTR.nla_len, true), NLATTR.size)
    found.set(header.getUint16(NLATTR.nla_type, true), body.subarray(at + NLATTR.size, at + length))
    at += aligned(length)
  }
  return found
}

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function aligned(length: number): number {
  return (length + 3) & ~3
}
