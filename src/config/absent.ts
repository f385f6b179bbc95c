// What stands in a document and says nothing: engines written in Go write out what their structures have left empty.

import { isIn } from '../../native/utf8.ts'
import type { Complaint } from './checks/namespacesOf.ts'

/** Where in config.json a document belongs: it is the whole of it, its `process`, or its `linux.resources`. */
export type DocumentPlace = '' | 'process' | 'linux/resources'

/**
 * Words that may be left out, and are as if they were when they are empty; `*` stands for every entry. All other strings
 * mean something or are wrong when they are empty. crun and runc differ only in which of these they forgot.
 */
export const MAY_BE_EMPTY: readonly string[] = [
  'hostname',
  'domainname',
  'mounts/*/type',
  'mounts/*/source',
  'process/commandLine',
  'process/user/username',
  'process/apparmorProfile',
  'process/selinuxLabel',
  'process/execCPUAffinity/initial',
  'process/execCPUAffinity/final',
  'linux/namespaces/*/path',
  'linux/netDevices/*/name',
  'linux/cgroupsPath',
  'linux/rootfsPropagation',
  'linux/mountLabel',
  'linux/seccomp/listenerPath',
  'linux/seccomp/listenerMetadata',
  'linux/intelRdt/closID',
  'linux/intelRdt/l3CacheSchema',
  'linux/intelRdt/memBwSchema',
  'linux/memoryPolicy/nodes',
  'linux/resources/cpu/cpus',
  'linux/resources/cpu/mems',
  'linux/resources/devices/*/type',
]

/** Lists of numbers whose `null` is 0, with crun and runc. */
const NULL_IS_ZERO: readonly string[] = ['process/user/additionalGids']

/** Lists whose `null` is no entry, with crun and runc. In all others but those above they disagree. */
const NULL_IS_NO_ENTRY: readonly string[] = [
  'hooks/*/*/args',
  'hooks/*/*/env',
  'linux/resources/blockIO/weightDevice',
  'linux/resources/network/priorities',
]

/**
 * Takes out of `data`, the JSON of `text`, the properties that are `null` and the empty words that may be left out. An
 * entry of a list stays but of a few: a missing argument of the program is not the same as none. Gives a word about each
 * `null` that becomes a number.
 */
export function dropAbsent(text: string, data: unknown, place: DocumentPlace): Complaint[] {
  const told: Complaint[] = []
  if (hasNull(text)) {
    dropNulls(data)
    for (const path of pathsBelow(place, NULL_IS_NO_ENTRY)) dropNullEntries(data, path)
    for (const path of pathsBelow(place, NULL_IS_ZERO)) told.push(...zeroes(data, path))
  }
  if (isIn(text, '""')) for (const path of pathsBelow(place, MAY_BE_EMPTY)) dropEmpty(data, path)
  return told
}

/** Puts 0 in the place of every `null` of the list at `path`. */
function zeroes(data: unknown, path: readonly string[]): Complaint[] {
  const list = path.reduce((node, key) => (node as Record<string, unknown> | null | undefined)?.[key], data)
  if (!Array.isArray(list)) return []
  return list.flatMap((entry: unknown, index) => {
    if (entry !== null) return []
    list[index] = 0
    return [{ pointer: `/${path.join('/')}/${index}`, reason: 'is null and read as 0' }]
  })
}

function pathsBelow(place: DocumentPlace, paths: readonly string[]): string[][] {
  return paths
    .filter(path => path.startsWith(place))
    .map(path => (place === '' ? path : path.slice(place.length + 1)).split('/'))
}

/** Before the `null` of JSON there is a colon, a comma, a bracket or space; before that of `/dev/null` a slash. */
function hasNull(text: string): boolean {
  if (!isIn(text, 'null')) return false
  for (let at = text.indexOf('null'); at >= 0; at = text.indexOf('null', at + 4))
    if (' \n\t\r:,['.includes(text.charAt(at - 1))) return true
  return false
}

function dropNulls(node: unknown): void {
  if (typeof node !== 'object' || node === null) return
  if (Array.isArray(node)) {
    for (const entry of node) dropNulls(entry)
    return
  }
  const object = node as Record<string, unknown>
  for (const key of Object.keys(object))
    if (object[key] === null) delete object[key]
    else dropNulls(object[key])
}

function dropNullEntries(node: unknown, [key, ...rest]: readonly string[]): void {
  if (typeof node !== 'object' || node === null) return
  const object = node as Record<string, unknown>
  const list = key === '*' ? undefined : object[key!]
  if (key === '*') for (const entry of Object.values(object)) dropNullEntries(entry, rest)
  else if (rest.length > 0) dropNullEntries(list, rest)
  else if (Array.isArray(list)) object[key!] = list.filter(entry => entry !== null)
}

function dropEmpty(node: unknown, [key, ...rest]: readonly string[]): void {
  if (typeof node !== 'object' || node === null) return
  const object = node as Record<string, unknown>
  if (key === '*') for (const entry of Object.values(object)) dropEmpty(entry, rest)
  else if (rest.length > 0) dropEmpty(object[key!], rest)
  else if (object[key!] === '') delete object[key!]
}
