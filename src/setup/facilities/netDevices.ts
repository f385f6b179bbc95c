import { EEXIST, ENODEV } from '../../../native/abi/errno.ts'
import { IFADDRMSG, IFINFOMSG } from '../../../native/abi/layout/socket.ts'
import {
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_F_PERMANENT,
  IFA_FLAGS,
  IFA_LOCAL,
  IFF_UP,
  IFLA_IFNAME,
  IFLA_NET_NS_PID,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  RT_SCOPE_UNIVERSE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from '../../../native/abi/rtnetlink.ts'
import type { Fd, Side } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { ask, type NetlinkMessage, parseAttributes, routeSocket, view } from '../../../native/netlink.ts'
import { Struct } from '../../../native/struct.ts'
import { encode } from '../../../native/utf8.ts'
import { doing, HostError } from '../../errors.ts'
import type { NetDevicePlan } from '../../plan/namespaces/netDevices.ts'

const moveHints = {
  EPERM: 'moving it needs CAP_NET_ADMIN on the host',
  EINVAL: 'this kind of device can not leave its network namespace',
  EOPNOTSUPP: 'this kind of device can not leave its network namespace',
}

/** A side of the move: who talks to the kernel about its network namespace. */
interface MoveSide<S extends Side> {
  readonly kernel: Kernel<S>
  readonly socket: Fd<S>
}

/**
 * Moves interfaces of the host into the network namespace of the first process, gives them their names and permanent
 * global addresses, and sets them up. The kernel decides what becomes of them with the namespace: hardware goes back to
 * the host, virtual devices are gone; config-linux.md forbids to move them back.
 */
export function moveNetDevices(
  outside: Kernel<'outside'>,
  inside: Kernel<'inside'>,
  pid: number,
  devices: readonly NetDevicePlan[],
): void {
  if (devices.length === 0) return
  using socket = routeSocket(outside)
  const host = { kernel: outside, socket }
  const container = { kernel: inside, socket: routeSocket(inside).take() }
  for (const device of devices)
    doing(`network device \`${device.name}\``, () => moveDevice(host, container, pid, device))
}

function moveDevice(
  host: MoveSide<'outside'>,
  container: MoveSide<'inside'>,
  pid: number,
  { name, inside }: NetDevicePlan,
): void {
  const index = findLink(host, name)
  if (index === undefined) throw new HostError('the host has no such interface')
  // After the move it would be too late: the device is gone from the host then.
  if (!inside.endsWith('%d') && findLink(container, inside) !== undefined)
    throw new HostError(`the network namespace of the container has an interface \`${inside}\` already`)
  const addresses = globalAddresses(host, index)
  const before = linkIndexes(container)
  setLink(host, index, 0, [
    [IFLA_NET_NS_PID, new Struct(4).u32(0, pid).bytes],
    [IFLA_IFNAME, encode(`${inside}\0`)],
  ])
  const moved = linkIndexes(container).find(number => !before.includes(number))
  if (moved === undefined) throw new HostError('it has not arrived in the container')
  for (const address of addresses) addAddress(container, moved, address)
  setLink(container, moved, IFF_UP, [])
}

/** struct ifinfomsg. */
function linkHeader(index: number, flags: number): Uint8Array {
  return new Struct(IFINFOMSG.size)
    .u32(IFINFOMSG.ifi_index, index)
    .u32(IFINFOMSG.ifi_flags, flags)
    .u32(IFINFOMSG.ifi_change, flags).bytes
}

/** The index of the interface with this name, if there is one. */
function findLink<S extends Side>({ kernel, socket }: MoveSide<S>, name: string): number | undefined {
  const attributes = [[IFLA_IFNAME, encode(`${name}\0`)]] as const
  const request = { type: RTM_GETLINK, fixed: linkHeader(0, 0), attributes }
  const [link] = ask(kernel, socket, request, { subject: `look for \`${name}\``, tolerate: [ENODEV] }) ?? []
  return link && view(link.body).getInt32(IFINFOMSG.ifi_index, true)
}

function linkIndexes<S extends Side>({ kernel, socket }: MoveSide<S>): number[] {
  const request = { type: RTM_GETLINK, flags: NLM_F_DUMP, fixed: linkHeader(0, 0) }
  return ask(kernel, socket, request, { subject: 'list interfaces' })!.map(({ body }) =>
    view(body).getInt32(IFINFOMSG.ifi_index, true),
  )
}

/** Changes flags, name or namespace of an interface. */
function setLink<S extends Side>(
  { kernel, socket }: MoveSide<S>,
  index: number,
  flags: number,
  attributes: readonly (readonly [number, Uint8Array])[],
): void {
  const request = { type: RTM_NEWLINK, fixed: linkHeader(index, flags), attributes }
  ask(kernel, socket, request, { subject: flags === 0 ? 'move' : 'set up', hint: moveHints })
}

/** What moving takes away: the addresses that somebody has set, and not those of the link alone. */
function globalAddresses<S extends Side>({ kernel, socket }: MoveSide<S>, index: number): NetlinkMessage[] {
  const request = { type: RTM_GETADDR, flags: NLM_F_DUMP, fixed: new Uint8Array(IFADDRMSG.size) }
  return ask(kernel, socket, request, { subject: 'list addresses' })!.filter(message => {
    const fixed = view(message.body)
    const more = parseAttributes(message, IFADDRMSG.size).get(IFA_FLAGS)
    const flags = more === undefined ? fixed.getUint8(IFADDRMSG.ifa_flags) : view(more).getUint32(0, true)
    const isOurs = fixed.getUint32(IFADDRMSG.ifa_index, true) === index
    return isOurs && (flags & IFA_F_PERMANENT) !== 0 && fixed.getUint8(IFADDRMSG.ifa_scope) === RT_SCOPE_UNIVERSE
  })
}

function addAddress<S extends Side>({ kernel, socket }: MoveSide<S>, index: number, address: NetlinkMessage): void {
  const fixed = address.body.slice(0, IFADDRMSG.size)
  fixed[IFADDRMSG.ifa_flags] = 0 // flags: the kernel sets its own
  view(fixed).setUint32(IFADDRMSG.ifa_index, index, true)
  const present = parseAttributes(address, IFADDRMSG.size)
  const attributes = [IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST].flatMap(type => {
    const value = present.get(type)
    return value === undefined ? [] : [[type, value] as const]
  })
  const request = { type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, fixed, attributes }
  ask(kernel, socket, request, { subject: 'give it its address', tolerate: [EEXIST] })
}
