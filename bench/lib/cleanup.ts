// Takes back whatever measuring has left: containers, cgroups, files.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Runtime } from './runtimes.ts'

const CGROUPS = '/sys/fs/cgroup'
const PATIENCE_MS = 5000

function directories(path: string): string[] {
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => join(path, entry.name))
}

function cgroupsWith(tag: string, path = CGROUPS): string[] {
  return directories(path).flatMap(child =>
    child.includes(tag) ? [...deepestFirst(child), child] : cgroupsWith(tag, child),
  )
}

function deepestFirst(path: string): string[] {
  return directories(path).flatMap(child => [...deepestFirst(child), child])
}

function removeContainers(runtime: Runtime, tag: string): void {
  for (const path of directories(runtime.root)) {
    const id = path.slice(path.lastIndexOf('/') + 1)
    if (!id.startsWith(tag)) continue
    const [program, ...words] = runtime.command('delete', '--force', id)
    spawnSync(program!, words, { stdio: 'ignore', timeout: 30_000 })
  }
}

function removeCgroup(path: string): boolean {
  try {
    rmdirSync(path)
    return true
  } catch {
    return !existsSync(path)
  }
}

/**
 * Removes what carries the tag, so that the next point begins on a clean machine. Returns what was still there when all
 * containers were deleted, one line each: a reader is to know.
 */
export function cleanUp(runtimes: readonly Runtime[], tag: string): string[] {
  for (const runtime of runtimes) removeContainers(runtime, tag)
  const found = cgroupsWith(tag)
  const end = Date.now() + PATIENCE_MS
  for (const path of found) writeFileSync(join(path, 'cgroup.kill'), '1')
  let left = found
  while (left.length > 0 && Date.now() < end) left = left.filter(path => !removeCgroup(path))
  return [
    ...found.map(path => `cgroup ${path} was left behind`),
    ...left.map(path => `cgroup ${path} can not be removed`),
  ]
}
