import { ConfigError } from '../../errors.ts'

/** A range of ids: `size` of them, from `containerID` inside and `hostID` outside. See user_namespaces(7). */
export interface IdMapping {
  readonly containerID: number
  readonly hostID: number
  readonly size: number
}

/** A mapping for user ids and one for group ids. */
export interface IdMappings {
  readonly uid: readonly IdMapping[]
  readonly gid: readonly IdMapping[]
}

/** The kernel's limit on the lines of a map, UID_GID_MAP_MAX_EXTENTS. */
const MAX_LINES = 340
/** (uid_t) -1 is nobody's. */
export const NO_ID = 0xffff_ffff

/** The text for /proc/PID/uid_map or gid_map: one line for each range, see user_namespaces(7). */
export function mappingText(mappings: readonly IdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join('')
}

/** The arguments of newuidmap(1) or newgidmap(1) for the process `pid`. */
export function newidmapArguments(pid: number, mappings: readonly IdMapping[]): string[] {
  return [pid, ...mappings.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size])].map(String)
}

/** The id outside for an id inside; undefined when it is not mapped. */
export function toHostId(mappings: readonly IdMapping[], id: number): number | undefined {
  for (const { containerID, hostID, size } of mappings) {
    if (id >= containerID && id < containerID + size) return hostID + (id - containerID)
  }
  return undefined
}

/** Does the id inside have one outside? */
export function mapsId(mappings: readonly IdMapping[], id: number): boolean {
  return toHostId(mappings, id) !== undefined
}

/**
 * Is this the one map that a process without privileges may write itself: a single id, its own? Everything else needs
 * newuidmap(1). See user_namespaces(7).
 */
export function isOwnIdOnly(mappings: readonly IdMapping[], ownId: number): boolean {
  const [only] = mappings
  return mappings.length === 1 && only!.size === 1 && only!.hostID === ownId
}

/**
 * What is wrong with a map that the kernel would refuse with a bare EINVAL: too long, an empty range, ids beyond the last one,
 * or an id that is mapped twice, inside or outside. `pointer` is the place of the list. See user_namespaces(7).
 */
export function wrongMappings(
  mappings: readonly IdMapping[],
  pointer: string,
): { readonly pointer: string; readonly reason: string } | undefined {
  if (mappings.length > MAX_LINES)
    return { pointer, reason: `has ${mappings.length} entries, the kernel takes no more than ${MAX_LINES}` }
  const empty = mappings.findIndex(({ size }) => size < 1)
  if (empty >= 0) return { pointer: `${pointer}/${empty}/size`, reason: 'must map at least one id, is 0' }
  const reason = wrongSide(mappings, 'containerID') ?? wrongSide(mappings, 'hostID')
  return reason === undefined ? undefined : { pointer, reason }
}

/** An id stands for one id on the other side, in both directions. */
function wrongSide(mappings: readonly IdMapping[], side: 'containerID' | 'hostID'): string | undefined {
  const ranges = mappings.map(mapping => ({ first: mapping[side], end: mapping[side] + mapping.size }))
  ranges.sort((one, other) => one.first - other.first)
  let end = 0
  for (const range of ranges) {
    if (range.first < end) return `${side} ${range.first} is mapped twice`
    end = range.end
  }
  return end > NO_ID ? `${side} goes up to ${end - 1}, the last id is ${NO_ID - 1}` : undefined
}

/**
 * The ranges of crun's mount option `idmap=uids=0-1000-10#10-2000-5;gids=...`: id in the file system, id that it shows as,
 * number. With `@` in front the second id is one of the container, translated by the container's own mapping. Throws a
 * ConfigError, with `pointer`, when the text is malformed, an id has no translation, or the kernel would refuse it.
 */
export function parseInlineMappings(text: string, container: IdMappings | undefined, pointer: string): IdMappings {
  const found: { uid?: IdMapping[]; gid?: IdMapping[] } = {}
  for (const part of text.split(';')) {
    const match = /^([ug])ids=(.+)$/.exec(part)
    if (match === null) throw malformed(text, pointer)
    const kind = match[1] === 'u' ? 'uid' : 'gid'
    found[kind] = match[2]!.split('#').map(range => parseRange(range, container?.[kind], text, pointer))
  }
  const { uid, gid } = found
  if (uid === undefined || gid === undefined) throw malformed(text, pointer)
  const wrong = wrongMappings(uid, pointer) ?? wrongMappings(gid, pointer)
  if (wrong !== undefined) throw new ConfigError(`\`idmap=${text}\`: ${wrong.reason}`, pointer)
  return { uid, gid }
}

function parseRange(
  range: string,
  container: readonly IdMapping[] | undefined,
  text: string,
  pointer: string,
): IdMapping {
  const match = /^(@?)(\d+)-(\d+)-(\d+)$/.exec(range)
  if (match === null) throw malformed(text, pointer)
  const [, relative, containerID, shown, size] = match
  if (relative === '') return { containerID: Number(containerID), hostID: Number(shown), size: Number(size) }
  const hostID = toHostId(container ?? [], Number(shown))
  if (hostID === undefined) {
    throw new ConfigError(
      `\`${range}\` is relative to the container, whose user namespace does not map ${shown}`,
      pointer,
    )
  }
  return { containerID: Number(containerID), hostID, size: Number(size) }
}

function malformed(text: string, pointer: string): ConfigError {
  return new ConfigError(`\`idmap=${text}\` is not of the form \`idmap=uids=0-1000-10;gids=0-1000-10\``, pointer)
}
