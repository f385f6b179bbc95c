// Everything a runtime could leave behind on the host, before and after.
//
// The machine may have other work. What is new counts when it carries the tag of this test file (ids, paths and cgroups
// all do), or when nothing but a runtime makes such a thing: a process that runs from a memfd, a container's mount.
// QUIET=1 says that nothing else happens here, and then everything new counts.

import { readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect } from 'vitest'
import { hostMounts, isAlive, isRoot } from './machine.ts'
import { PATIENCE, sleep } from './run.ts'
import { isCrun } from './runtime.ts'
import { cleanUp, sceneDirectory, stateRoot, tag } from './scene.ts'

export type Snapshot = Record<'mounts' | 'cgroups' | 'processes' | 'state' | 'sockets' | 'files', Set<string>>

const quiet = process.env['QUIET'] === '1'

function attempt<T>(read: () => T, otherwise: T): T {
  try {
    return read()
  } catch {
    return otherwise // gone meanwhile, or not ours to read
  }
}

function list(directory: string): string[] {
  return attempt(() => readdirSync(directory), [])
}

function directoriesBelow(directory: string): string[] {
  const entries = attempt(() => readdirSync(directory, { withFileTypes: true }), [])
  const here = entries.filter(entry => entry.isDirectory()).map(entry => join(directory, entry.name))
  return here.flatMap(path => [path, ...directoriesBelow(path)])
}

const mine = (text: string) => quiet || text.includes(tag)

/** Directories of all hierarchies. One per controller on v1, which only matters for the peers. */
function cgroups(): string[] {
  const trees = hostMounts().filter(mount => mount.type === 'cgroup2' || mount.type === 'cgroup')
  return trees.flatMap(tree => directoriesBelow(tree.target)).filter(mine)
}

function describeProcess(pid: string): string | undefined {
  const read = (file: string) => attempt(() => readFileSync(`/proc/${pid}/${file}`, 'utf8'), '')
  const executable = attempt(() => readlinkSync(`/proc/${pid}/exe`), '')
  const words = read('cmdline').split('\0').join(' ').trim()
  const stat = read('stat')
  if (stat === '') return undefined
  const suspicious = executable.startsWith('/memfd:') || [words, read('cgroup'), read('environ')].some(mine)
  if (!suspicious || Number(pid) === process.pid || !isAlive(Number(pid))) return undefined
  return `${pid} (${words || executable || 'no command'})`
}

function processes(): string[] {
  const pids = list('/proc').filter(name => /^\d+$/.test(name))
  return pids.map(describeProcess).filter(text => text !== undefined)
}

/** Named sockets; other programs' come and go, so only those of the scene or of a runtime. */
function sockets(): string[] {
  const lines = attempt(() => readFileSync('/proc/net/unix', 'utf8'), '')
    .split('\n')
    .slice(1)
  const paths = lines.map(line => line.split(/\s+/)[7] ?? '')
  return paths.filter(path => path !== '' && mine(path))
}

function files(): string[] {
  const roots = ['/tmp', '/run', '/dev/shm', '/var/tmp']
  const names = roots.flatMap(root => list(root).map(name => join(root, name)))
  const scene = list(sceneDirectory).map(name => join(sceneDirectory, name))
  const runtimes = ['/run/tsrun', '/run/runc', '/run/crun'].flatMap(root => list(root).map(name => join(root, name)))
  return [...names, ...scene, ...runtimes].filter(
    path => mine(path) && !/\.(out|err)$|\/scene-[^/]*(\/state|\/user)?$/.test(path),
  )
}

/** Looks at the host. */
export function snapshot(): Snapshot {
  return {
    mounts: new Set(hostMounts().map(mount => `${mount.target} (${mount.type} ${mount.source})`)),
    cgroups: new Set(cgroups()),
    processes: new Set(processes()),
    state: new Set(list(stateRoot).filter(name => !name.startsWith('.'))),
    sockets: new Set(sockets()),
    files: new Set(files()),
  }
}

/** What is there now and was not before, one line each. */
export function leftovers(before: Snapshot): string[] {
  const now = snapshot()
  const kinds = Object.keys(now) as (keyof Snapshot)[]
  return kinds.flatMap(kind =>
    [...now[kind]].filter(entry => !before[kind].has(entry)).map(entry => `${kind}: ${entry}`),
  )
}

/** Fails with a list when anything is left. Waits a little first: the kernel and the shell take their time to go. */
export function expectNothingLeft(before: Snapshot, patience = 3000 * PATIENCE): void {
  const end = Date.now() + patience
  let left = leftovers(before)
  while (left.length > 0 && Date.now() < end) {
    sleep(50)
    left = leftovers(before)
  }
  expect(left).toEqual([])
}

function removeStrayCgroups(): void {
  for (const path of cgroups().reverse()) attempt(() => rmdirSync(path), undefined)
}

/** Called once per test file: after each test and its clean-up the host must be as it was before. */
export function leavesNothing(): void {
  let before: Snapshot
  beforeEach(context => {
    context.skip(!isRoot, 'needs root')
    before = snapshot()
  })
  afterEach(() => {
    if (!isRoot) return
    cleanUp()
    if (isCrun) removeStrayCgroups() // crun leaves the cgroup of a create that failed
    expectNothingLeft(before)
  })
}
