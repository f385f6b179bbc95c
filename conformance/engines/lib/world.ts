import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cgroup2Mount } from '../../lib/machine.ts'
import { eventually } from '../../lib/run.ts'

const SCRIPT = fileURLToPath(new URL('./world.sh', import.meta.url))

/** All folders below, deepest first. */
function foldersBelow(path: string): string[] {
  const folders = readdirSync(path, { withFileTypes: true }).filter(entry => entry.isDirectory())
  return folders.flatMap(({ name }) => [...foldersBelow(join(path, name)), join(path, name)])
}

/** Removes the folders that can be: those without processes. Are all gone? */
function removeCgroups(path: string): boolean {
  for (const folder of [...foldersBelow(path), path]) {
    try {
      rmdirSync(folder)
    } catch {
      return false // a process is still on its way out
    }
  }
  return true
}

/**
 * Runs a command in a world of its own (world.sh), with a directory that is gone afterwards. Gives what `collect` finds
 * in it at the end.
 */
export function inWorld<T>(command: (directory: string) => readonly string[], collect: (directory: string) => T): T {
  const tree = cgroup2Mount()
  if (tree === undefined) throw new Error('no cgroup v2 tree is mounted')
  const directory = mkdtempSync('/tmp/engine-')
  chmodSync(directory, 0o755)
  const cgroup = join(tree, basename(directory))
  try {
    const { status } = spawnSync('sh', [SCRIPT, directory, cgroup, ...command(directory)], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    if (status !== 0) throw new Error(`the command in ${directory} ended with ${status}`)
    return collect(directory)
  } finally {
    if (existsSync(cgroup)) eventually(`${cgroup} to be empty`, () => removeCgroups(cgroup), 30_000)
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 })
  }
}
