import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Config, IdMapping } from '../../spec/generated/config.ts'
import { hasNamespace, joinsNamespace } from '../config/checks/namespacesOf.ts'
import { userName } from '../host/host.ts'
import type { Runtime } from '../runtime.ts'
import { findHelper } from './idMaps.ts'

/** How many ids from where on. */
interface Range {
  readonly start: number
  readonly count: number
}

/**
 * The config with mappings for a new user namespace that has none, as in crun: who runs the program is who runs the
 * runtime, and what /etc/subuid and /etc/subgid give the runtime's user fills up the ids around.
 */
export function withMappings(runtime: Runtime, config: Config): Config {
  const { uidMappings, gidMappings } = config.linux ?? {}
  const isComplete = uidMappings?.length && gidMappings?.length
  if (!hasNamespace(config, 'user') || joinsNamespace(config, 'user') || isComplete) return config
  const { uid = 0, gid = 0 } = config.process?.user ?? {}
  const own = runtime.outside.effectiveIds()
  const linux = {
    ...config.linux,
    uidMappings: uidMappings?.length ? uidMappings : around(uid, own.uid, rangeOf(runtime, 'uid')),
    gidMappings: gidMappings?.length ? gidMappings : around(gid, own.gid, rangeOf(runtime, 'gid')),
  }
  return { ...config, linux }
}

/** One id inside is `own`, and those below and above it are of the range. */
function around(id: number, own: number, { start, count }: Range): IdMapping[] {
  const below = Math.min(id, count)
  return [
    { containerID: 0, hostID: start, size: below },
    { containerID: id, hostID: own, size: 1 },
    { containerID: id + 1, hostID: start + below, size: count - below },
  ].filter(({ size }) => size > 0)
}

/** See subuid(5). Nothing for who could not map it: without newuidmap(1), or in a user namespace that may lack the range. */
function rangeOf(runtime: Runtime, kind: 'uid' | 'gid'): Range {
  const { outside, inUserNamespace } = runtime
  const { uid } = outside.effectiveIds()
  if (inUserNamespace || (uid !== 0 && findHelper(runtime, `new${kind}map`) === undefined))
    return { start: 0, count: 0 }
  const lines = outside.readTextIfAny(AT_FDCWD, `/etc/sub${kind}`)?.split('\n') ?? []
  const names = [userName(outside, uid), `${uid}`]
  const [, start, count] = lines.map(line => line.split(':')).find(([name]) => names.includes(name!)) ?? []
  const range = { start: Number(start), count: Number(count) }
  return range.start > 0 && range.count > 0 ? range : { start: 0, count: 0 }
}
