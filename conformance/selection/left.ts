// What containers and engines could leave on a machine besides processes.

import { readdirSync, readFileSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { hostMounts } from '../lib/machine.ts'

/** Where files of containers and tests are. */
const DIRECTORIES = [
  '/tmp',
  '/var/tmp',
  '/dev/shm',
  '/run/tsrun',
  '/run/runc',
  '/run/crun',
  '/run/netns',
  '/sys/class/net',
]

/** Caches of tools, and the locks that podman makes once for a user, which are meant to stay. */
const MEANT_TO_STAY =
  /^(\/tmp\/(tsx-\d+|node-compile-cache|v8-compile-cache.*)|\/dev\/shm\/libpod_(lock|rootless_lock_\d+))$/

function list(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch {
    return [] // none such
  }
}

/** Folders below us in all hierarchies of cgroups, deepest first. */
function cgroups(): string[] {
  const below = (path: string): string[] => {
    try {
      const folders = readdirSync(path, { withFileTypes: true }).filter(entry => entry.isDirectory())
      return folders.flatMap(({ name }) => [...below(join(path, name)), join(path, name)])
    } catch {
      return [] // gone meanwhile
    }
  }
  return hostMounts()
    .filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
    .flatMap(({ target, superOptions }) => below(join(target, ownPath(superOptions))))
}

/** Where this process is in a hierarchy, see cgroups(7): what others make beside that has nothing to do with us. */
function ownPath(superOptions: readonly string[]): string {
  const lines = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n')
  const rows = lines.map(line => /^\d+:([^:]*):(.*)$/.exec(line)!.slice(1) as [string, string])
  const own = rows.find(
    ([controllers]) => controllers !== '' && controllers.split(',').every(one => superOptions.includes(one)),
  )
  return (own ?? rows.find(([controllers]) => controllers === ''))?.[1] ?? '/'
}

export type Inventory = ReadonlyMap<string, 'file' | 'cgroup' | 'mount'>

export function inventory(): Inventory {
  const files = DIRECTORIES.flatMap(directory => list(directory).map(name => join(directory, name)))
  return new Map([
    ...files.filter(path => !MEANT_TO_STAY.test(path)).map(path => [path, 'file'] as const),
    ...cgroups().map(path => [path, 'cgroup'] as const),
    ...hostMounts().map(({ target, type }) => [`${type} on ${target}`, 'mount'] as const),
  ])
}

/** What is there now and was not before, a line each. */
export function added(before: Inventory, now: Inventory): string[] {
  return [...now].filter(([what]) => !before.has(what)).map(([what, kind]) => `${kind}: ${what}`)
}

/** Removes folders of cgroups that were not there before and are empty: what somebody who was killed could not. */
export function removeCgroups(before: Inventory): void {
  for (const path of cgroups().filter(path => !before.has(path))) {
    try {
      rmdirSync(path)
    } catch {
      // gone already, or somebody is in it, which is told
    }
  }
}
