// Checks of namespaces and of what needs one (config-linux.md, Namespaces to Offset for Time Namespace).

import { encode } from '../../../native/utf8.ts'
import type { Config, IdMapping, Mount, NamespaceType } from '../../../spec/generated/config.ts'
import { mapsId, wrongMappings } from '../../plan/namespaces/idMappings.ts'
import {
  type Check,
  type Complaint,
  duplicate,
  firstOf,
  hasNamespace,
  joinsNamespace,
  relative,
} from './namespacesOf.ts'

export const NAMESPACE_CHECKS: readonly Check[] = [
  namespacesAreUnique,
  namespacePathsAreAbsolute,
  namesNeedUts,
  namesAreShort,
  mappingsAreSane,
  userIsMapped,
  offsetsNeedTimeNamespace,
  nanosecondsAreBelowASecond,
  hiddenPathsNeedMountNamespace,
  netDevicesNeedNetworkNamespace,
]

function namespacesAreUnique({ linux }: Config): Complaint | undefined {
  return duplicate(linux?.namespaces, '/linux/namespaces', ({ type }) => type)
}

function namespacePathsAreAbsolute({ linux }: Config): Complaint | undefined {
  return firstOf(linux?.namespaces, '/linux/namespaces', ({ path }) => relative(path, '/path'))
}

/** In the host's namespace either name would be the host's. */
function namesNeedUts(config: Config): Complaint | undefined {
  for (const name of ['hostname', 'domainname'] as const)
    if (config[name] && !hasNamespace(config, 'uts')) return needs(`/${name}`, 'uts')
  return undefined
}

/** __NEW_UTS_LEN of <linux/utsname.h>, in bytes. */
const MAX_NAME = 64

function namesAreShort(config: Config): Complaint | undefined {
  for (const name of ['hostname', 'domainname'] as const) {
    const length = encode(config[name] ?? '').length
    if (length > MAX_NAME)
      return { pointer: `/${name}`, reason: `has ${length} bytes, the kernel takes no more than ${MAX_NAME}` }
  }
  return undefined
}

function needs(pointer: string, type: NamespaceType): Complaint {
  return { pointer, reason: `needs a ${type} namespace; add {"type": "${type}"} to /linux/namespaces` }
}

function mappingsAreSane({ linux, mounts }: Config): Complaint | undefined {
  const complaint = linux && mappingsOf(linux)
  if (complaint) return { ...complaint, pointer: `/linux${complaint.pointer}` }
  return firstOf(mounts, '/mounts', mappingsOf)
}

type Mapped = Pick<Mount, 'uidMappings' | 'gidMappings'>

function mappingsOf({ uidMappings, gidMappings }: Mapped): Complaint | undefined {
  return (
    (uidMappings && wrongMappings(uidMappings, '/uidMappings')) ??
    (gidMappings && wrongMappings(gidMappings, '/gidMappings'))
  )
}

function userIsMapped(config: Config): Complaint | undefined {
  const user = config.process?.user
  if (!config.process || !hasNamespace(config, 'user') || joinsNamespace(config, 'user')) return undefined
  const { uidMappings, gidMappings } = config.linux ?? {}
  return (
    unmapped(uidMappings, user?.uid ?? 0, '/process/user/uid', 'uidMappings') ??
    unmapped(gidMappings, user?.gid ?? 0, '/process/user/gid', 'gidMappings') ??
    (isSingleId(gidMappings)
      ? undefined
      : firstOf(user?.additionalGids, '/process/user/additionalGids', gid =>
          unmapped(gidMappings, gid, '', 'gidMappings'),
        ))
  )
}

/** Who maps its own id alone may mostly set no groups, and then none is missed: requireMappedGroups() finds out. */
function isSingleId(mappings: IdMapping[] = []): boolean {
  return mappings.length === 1 && mappings[0]!.size === 1
}

/** Without any mapping there are those of withMappings(). */
function unmapped(mappings: IdMapping[] = [], id: number, pointer: string, name: string): Complaint | undefined {
  if (mappings.length === 0) return undefined
  if (mapsId(mappings, id)) return undefined
  return { pointer, reason: `the id ${id} is in no entry of /linux/${name}` }
}

/** A clock can only be moved before the first process enters, see time_namespaces(7). */
function offsetsNeedTimeNamespace(config: Config): Complaint | undefined {
  const offsets = config.linux?.timeOffsets
  if (!offsets?.boottime && !offsets?.monotonic) return undefined
  const pointer = '/linux/timeOffsets'
  if (!hasNamespace(config, 'time')) return needs(pointer, 'time')
  if (!joinsNamespace(config, 'time')) return undefined
  return { pointer, reason: 'the time namespace is joined by path and its clocks can not be moved any more' }
}

function nanosecondsAreBelowASecond({ linux }: Config): Complaint | undefined {
  for (const clock of ['boottime', 'monotonic'] as const) {
    const nanosecs = linux?.timeOffsets?.[clock]?.nanosecs ?? 0
    if (nanosecs >= 1_000_000_000)
      return { pointer: `/linux/timeOffsets/${clock}/nanosecs`, reason: `must be below 1000000000, is ${nanosecs}` }
  }
  return undefined
}

/** Without one the paths would be hidden from the host as well. */
function hiddenPathsNeedMountNamespace(config: Config): Complaint | undefined {
  for (const name of ['maskedPaths', 'readonlyPaths'] as const) {
    if (config.linux?.[name]?.length && !hasNamespace(config, 'mount')) return needs(`/linux/${name}`, 'mount')
  }
  return undefined
}

function netDevicesNeedNetworkNamespace(config: Config): Complaint | undefined {
  if (Object.keys(config.linux?.netDevices ?? {}).length === 0 || hasNamespace(config, 'network')) return undefined
  return needs('/linux/netDevices', 'network')
}
