// Other views of the cgroup hierarchies than the machine's own. A wrapped command sees its own mount namespace; the v2
// tree itself is the machine's.

import { spawn } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import { cgroup2Mount } from './machine.ts'
import { eventually, must } from './run.ts'
import { fresh, sceneDirectory, tag } from './scene.ts'

/** The setup of the pure v2 view, for `holdView`. */
export const PURE_V2 = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup'

function unshared(setup: string, words: readonly string[]): string[] {
  return ['unshare', '-m', 'sh', '-ec', `${setup}\nexec "$@"`, 'view', ...words]
}

/** The command in a view where /sys/fs/cgroup is the v2 tree and nothing of v1 is seen. */
export function inPureV2(words: readonly string[]): string[] {
  return unshared(PURE_V2, words)
}

export interface Delegation {
  /** The folder's name in the v2 tree. */
  name: string
  /** The command in the leaf, for somebody who is in the pure v2 view already. */
  enter(words: readonly string[]): string[]
  wrap(words: readonly string[]): string[]
  remove(): void
}

/**
 * A folder of the v2 tree that belongs to a user, as systemd delegates one. Wrapped commands start in a leaf of it, in
 * the pure v2 view.
 */
export function delegatedV2(uid: number): Delegation {
  const name = `delegated-${tag}`
  const tree = cgroup2Mount()
  if (tree === undefined) throw new Error('no cgroup v2 tree is mounted')
  const files = ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']
  const folders = [`${tree}/${name}`, `${tree}/${name}/leaf`]
  for (const folder of folders) {
    must(['mkdir', folder])
    must(['chown', `${uid}:${uid}`, folder, ...files.map(file => `${folder}/${file}`)])
  }
  const script = `echo $$ > /sys/fs/cgroup/${name}/leaf/cgroup.procs\nexec "$@"`
  const enter = (words: readonly string[]) => ['sh', '-ec', script, 'view', ...words]
  return {
    name,
    enter,
    wrap: words => inPureV2(enter(words)),
    remove: () => must(['sh', '-c', `find ${tree}/${name} -depth -type d -exec rmdir {} +`]),
  }
}

export interface Held {
  /** The command inside the held namespaces. */
  wrap(words: readonly string[]): string[]
  close(): void
}

/**
 * A mount and a network namespace that stay while several commands run in them one after the other, as an engine needs:
 * what one command mounts the next one finds, and all of it is gone with the last. `setup` is a script for its start.
 */
export function holdView(setup: string): Held {
  const script = `ip link set lo up; ${setup}\ntouch "$1"; exec sleep infinity`
  const ready = `${sceneDirectory}/${fresh('held')}`
  const child = spawn('unshare', ['-m', '-n', 'sh', '-ec', script, 'view', ready], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  eventually('the view to be ready', () => existsSync(ready))
  return {
    wrap: words => ['nsenter', '--target', String(child.pid), '--mount', '--net', '--', ...words],
    close: () => {
      child.kill('SIGKILL')
      rmSync(ready)
    },
  }
}
