// Runs of a suite in the root of another suite of Debian: see conformance/engines/lib/suite.sh.

import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/** The path that a file of this machine has in that root: the rest, for a file of that root. */
export function pathInside(path: string, root: string | undefined): string {
  return root !== undefined && path.startsWith(`${root}/`) ? path.slice(root.length) : path
}

/** Options of sandbox.sh for that root, where these scripts and the directories of `paths` are seen. */
export function inOtherRoot(root: string, paths: readonly string[]): string[] {
  const seen = [import.meta.dirname, ...paths]
    .filter(path => pathInside(path, root) === path)
    .map(path => (statSync(path).isDirectory() ? path : dirname(path)))
  return ['--root', root, ...[...new Set(seen)].flatMap(directory => ['--show', directory])]
}

const ENTER = 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"'

/** How to start a file of that root, or of this machine. */
export function command(path: string, root: string | undefined): [string, ...string[]] {
  const inside = pathInside(path, root)
  return inside === path ? [path] : ['unshare', '--mount', 'sh', '-c', ENTER, root!, inside]
}
