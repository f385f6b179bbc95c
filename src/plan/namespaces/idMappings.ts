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
const END_OF_IDS = 0x1_0000_0000

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
 * Throws a ConfigError for a map that the kernel would refuse with a bare EINVAL: too long, an empty range, ids beyond 32
 * bits, or two ranges that overlap inside or outside. `pointer` is the place of the list in config.json.
 */
export function checkMappings(mappings: readonly IdMapping[], pointer: string): void {
  if (mappings.length > MAX_LINES) {
    throw new ConfigError(`has ${mappings.length} ranges, the kernel takes ${MAX_LINES}; merge adjacent ones`, pointer)
  }
  mappings.forEach((mapping, index) => {
    if (mapping.size < 1) throw new ConfigError('`size` must be at least 1', `${pointer}/${index}/size`)
    for (const field of ['containerID', 'hostID'] as const) {
      if (mapping[field] < 0 || mapping[field] + mapping.size > END_OF_IDS) {
        throw new ConfigError(`reaches beyond the 32 bits of an id`, `${pointer}/${index}/${field}`)
      }
    }
  })
  checkOverlap(mappings, 'containerID', pointer)
  checkOverlap(mappings, 'hostID', pointer)
}

function checkOverlap(mappings: readonly IdMapping[], field: 'containerID' | 'hostID', pointer: string): void {
  const sorted = mappings.map((mapping, index) => ({
    start: mapping[field],
    end: mapping[field] + mapping.size,
    index,
  }))
  sorted.sort((a, b) => a.start - b.start)
  for (let i = 1; i < sorted.length; i++) {
    const [before, after] = [sorted[i - 1]!, sorted[i]!]
    if (after.start < before.end) {
      throw new ConfigError(`overlaps the range \`${pointer}/${before.index}\``, `${pointer}/${after.index}/${field}`)
    }
  }
}

/**
 * The ranges of crun's mount option `idmap=uids=0-1000-10#10-2000-5;gids=...`: id in the file system, id that it shows as,
 * number. With `@` in front the second id is one of the container, translated by the container's own mapping. Throws a
 * ConfigError, with `pointer`, when the text is malformed or an id has no translation.
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
