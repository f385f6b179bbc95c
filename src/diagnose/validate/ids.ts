// User and group ids: what this user may map, and what namespaces there are to join.

import { CAP_SETGID, CAP_SETUID } from '../../../native/abi/capability.ts'
import { AT_FDCWD, O_RDONLY } from '../../../native/abi/fcntl.ts'
import { userName } from '../../host/host.ts'
import { programPaths } from '../../host/programs.ts'
import { type IdMapping, isOwnIdOnly } from '../../plan/namespaces/idMappings.ts'
import { NAMESPACES } from '../../plan/namespaces/namespaces.ts'
import type { Finding } from '../finding.ts'
import type { HostCheck, Site } from './site.ts'
import { isFile } from './view.ts'

export const ID_CHECKS: readonly HostCheck[] = [mappings, joined]

/** A range of ids that somebody may use. */
interface AllowedIds {
  readonly first: number
  readonly size: number
}

const KINDS = [
  { kind: 'uid', list: 'uidMappings', file: '/etc/subuid', capability: CAP_SETUID, tool: 'newuidmap' },
  { kind: 'gid', list: 'gidMappings', file: '/etc/subgid', capability: CAP_SETGID, tool: 'newgidmap' },
] as const

function* mappings(site: Site): Iterable<Finding> {
  const { runtime, plan, has } = site
  if (!plan.namespaces.create.has('user')) return
  const own = runtime.outside.effectiveIds()
  for (const row of KINDS) {
    const { kind, list, capability } = row
    const wanted = plan.namespaces[list]
    const pointer = `/linux/${list}`
    if (runtime.inUserNamespace)
      yield* within(site, wanted, ownRanges(site, kind), pointer, 'the user namespace of the runtime')
    if (has(capability) || wanted.length === 0 || isOwnIdOnly(wanted, own[kind])) continue
    yield* subordinate(site, wanted, row, own)
  }
}

function* subordinate(
  { runtime, tell }: Site,
  wanted: readonly IdMapping[],
  { kind, list, file, tool }: (typeof KINDS)[number],
  own: { readonly uid: number; readonly gid: number },
): Iterable<Finding> {
  const { outside } = runtime
  if (!programPaths(runtime, tool).some(path => outside.statx(AT_FDCWD, path, 0, 'any').stat !== undefined))
    yield tell('error', `/linux/${list}`, `\`${tool}\` is missing`, 'install it (package uidmap or shadow-utils)')
  const name = userName(outside, own.uid)
  const ranges = (outside.readTextIfAny(AT_FDCWD, file) ?? '')
    .split('\n')
    .map(line => line.split(':'))
    .filter(([owner]) => owner === name || owner === String(own.uid))
    .map(([, first, size]) => ({ first: Number(first), size: Number(size) }))
  yield* within(
    { tell },
    wanted,
    [{ first: own[kind], size: 1 }, ...ranges],
    `/linux/${list}`,
    `\`${name}\` in ${file}`,
  )
}

function* within(
  { tell }: Pick<Site, 'tell'>,
  wanted: readonly IdMapping[],
  ranges: readonly AllowedIds[],
  pointer: string,
  owner: string,
): Iterable<Finding> {
  for (const [index, { hostID, size }] of wanted.entries()) {
    if (ranges.some(range => hostID >= range.first && hostID + size <= range.first + range.size)) continue
    const has = ranges
      .map(({ first, size }) => (size === 1 ? `${first}` : `${first} to ${first + size - 1}`))
      .join(', ')
    const message = `the ids ${hostID} to ${hostID + size - 1} do not belong to ${owner}`
    yield tell('error', `${pointer}/${index}/hostID`, message, `these do: ${has || 'none'}`)
  }
}

/** The ids that exist where the runtime is, see user_namespaces(7). */
function ownRanges({ runtime }: Site, kind: 'uid' | 'gid'): AllowedIds[] {
  return (runtime.outside.readTextIfAny(AT_FDCWD, `/proc/self/${kind}_map`) ?? '')
    .split('\n')
    .filter(Boolean)
    .map(line => line.trim().split(/\s+/).map(Number))
    .map(([first, , size]) => ({ first: first!, size: size! }))
}

/** The files of namespaces, see namespaces(7). Opening one changes nothing. */
function* joined({ runtime, plan, config, tell }: Site): Iterable<Finding> {
  const { outside } = runtime
  for (const { type, path } of plan.namespaces.join) {
    const index = config.linux!.namespaces!.findIndex(entry => entry.type === type)
    const pointer = `/linux/namespaces/${index}/path`
    const { stat } = outside.statx(AT_FDCWD, path, 0, 'any')
    if (stat === undefined) {
      yield tell('error', pointer, `\`${path}\` does not exist, or can not be reached`, 'is its process still there?')
      continue
    }
    // Files of namespaces look like ordinary ones; what does not could make us wait, or worse, when it is opened.
    using fd = outside.openat(AT_FDCWD, isFile(stat) ? path : '', O_RDONLY, 0, 'any')
    const flag = fd.exists ? outside.now({ name: 'ioctl', args: [fd, NS_GET_NSTYPE], tolerate: 'any' }) : -1
    const found = NAMESPACES.find(row => row.flag === flag)
    if (found === undefined) yield tell('error', pointer, `\`${path}\` is not a namespace`)
    else if (found.type !== type)
      yield tell('error', pointer, `\`${path}\` is a ${found.type} namespace, not a ${type} one`)
  }
}

/** <linux/nsfs.h>: _IO(0xb7, 0x3), see ioctl_nsfs(2). */
const NS_GET_NSTYPE = 0xb703
