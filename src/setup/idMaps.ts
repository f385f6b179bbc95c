import { AT_FDCWD, O_RDWR, X_OK } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { ConfigError, doing, Failure, HostError, isErrno } from '../errors.ts'
import { programPaths } from '../host/programs.ts'
import { type IdMapping, isOwnIdOnly, mappingText, newidmapArguments } from '../plan/namespaces/idMappings.ts'
import type { NamespacePlan } from '../plan/namespaces/namespaces.ts'
import type { Runtime } from '../runtime.ts'

/**
 * Writes the id maps of a new user namespace, see user_namespaces(7): directly when that is allowed, with newuidmap(1)
 * and newgidmap(1) when it is not. Returns whether setgroups(2) works in the namespace.
 */
export function writeIdMaps(runtime: Runtime, pid: number, plan: NamespacePlan): boolean {
  return doing('write the id maps of the user namespace', () => {
    writeMap(runtime, pid, 'uid', plan.uidMappings)
    const privileged = writeMap(runtime, pid, 'gid', plan.gidMappings)
    // A user namespace in which it is denied hands that on to those below.
    return privileged && setgroupsAllowedBelow(runtime, pid)
  })
}

/** Returns whether the map was written by somebody privileged. */
function writeMap(runtime: Runtime, pid: number, kind: 'uid' | 'gid', mappings: readonly IdMapping[]): boolean {
  if (mappings.length === 0) return true
  const { outside } = runtime
  const file = `/proc/${pid}/${kind}_map`
  try {
    outside.writeControl(AT_FDCWD, file, mappingText(mappings))
    return true
  } catch (error) {
    if (!isErrno(error, 'EPERM', 'EACCES')) throw error
  }
  const ids = outside.effectiveIds()
  const own = kind === 'uid' ? ids.uid : ids.gid
  if (isOwnIdOnly(mappings, own)) {
    // The rule for everybody: one's own id, and for groups only after giving up setgroups.
    if (kind === 'gid') outside.writeControl(AT_FDCWD, `/proc/${pid}/setgroups`, 'deny')
    outside.writeControl(AT_FDCWD, file, mappingText(mappings))
    return false
  }
  const helper = runHelper(runtime, `new${kind}map`, pid, mappings)
  const [has, wanted] = [textOf(outside, file) ?? '', mappingText(mappings).trim()].map(sortedLines)
  if (has !== wanted)
    throw new HostError(`${helper} said that it wrote \`${file}\`, which has \`${has}\`: is it newuidmap(1)?`)
  return true
}

/** An id map as mappingText() has it. */
function textOf(outside: Kernel<'outside'>, file: string): string | undefined {
  return outside
    .readTextIfAny(AT_FDCWD, file)
    ?.trim()
    .replace(/[ \t]+/g, ' ')
    .replace(/^ /gm, '')
}

/** The kernel sorts a map that is long. */
function sortedLines(text: string): string {
  return text.split('\n').sort().join(', ')
}

/** A namespace by a process that is in it, whose maps can be read. */
const USER_OF_PROCESS = /^(\/proc\/(?:\d+|self))\/ns\/user$/

/**
 * Mappings beside the path of a user namespace say what it has: podman sends them. Throws a ConfigError when it has
 * others, since then the mounts and files of the bundle are made for other ids. A path that names no process is believed.
 */
export function checkJoinedMaps(outside: Kernel<'outside'>, { join, uidMappings, gidMappings }: NamespacePlan): void {
  const [, directory] = USER_OF_PROCESS.exec(join.find(({ type }) => type === 'user')?.path ?? '') ?? []
  if (directory === undefined) return
  for (const [kind, mappings] of [['uid', uidMappings] as const, ['gid', gidMappings] as const]) {
    if (mappings.length === 0) continue
    const has = textOf(outside, `${directory}/${kind}_map`)
    if (has === undefined || has === mappingText(mappings).trim()) continue
    const reason = `is not what the user namespace has that is joined: \`${has.replaceAll('\n', ', ')}\`; leave it out`
    throw new ConfigError(reason, `/linux/${kind}Mappings`)
  }
}

/** May processes in the user namespace of process `pid` call setgroups(2)? See "/proc/pid/setgroups" in user_namespaces(7). */
export function setgroupsAllowed({ outside }: Runtime, pid: number | 'self'): boolean {
  return outside.readTextIfAny(AT_FDCWD, `/proc/${pid}/setgroups`)?.trim() !== 'deny'
}

/** The same of our own user namespace, or of one made in it, by a process in that. The host's denies it to nobody. */
export function setgroupsAllowedBelow(runtime: Runtime, pid: number | 'self' = 'self'): boolean {
  return !runtime.rootless || setgroupsAllowed(runtime, pid)
}

/** Where newuidmap(1) or newgidmap(1) is, if it is installed. */
export function findHelper(runtime: Runtime, name: string): string | undefined {
  const mayExecute = { name: 'faccessat', tolerate: 'any' } as const
  return programPaths(runtime, name).find(
    file => runtime.outside.now({ ...mayExecute, args: [AT_FDCWD, file, X_OK] }) === 0,
  )
}

/** newuidmap(1) and newgidmap(1) check the ranges against /etc/subuid and /etc/subgid. Returns the path of the program. */
function runHelper(runtime: Runtime, name: string, pid: number, mappings: readonly IdMapping[]): string {
  const { host, outside } = runtime
  const path = findHelper(runtime, name)
  if (path === undefined)
    throw new HostError(`\`${name}\` is missing; install it (package uidmap or shadow-utils) or map only your own id`)
  using nothing = outside.openat(AT_FDCWD, '/dev/null', O_RDWR)
  using output = outside.memoryFile('output')
  const helper = host.spawn({
    file: path,
    argv: [name, ...newidmapArguments(pid, mappings)],
    env: [],
    descriptors: [nothing.number, nothing.number, output.number],
  })
  if (helper < 0) throw new Failure(`${path} does not start: errno ${-helper}`)
  const exit = outside.wait(helper, 0)
  if (exit?.code === 0) return path
  outside.rewind(output)
  throw new HostError(`${path} refused the mappings: ${decode(outside.readAll(output)).trim()}`)
}
