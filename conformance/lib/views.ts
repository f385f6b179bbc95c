// Other views of the cgroup hierarchies than the machine's own. A wrapped command sees its own mount namespace; the v2
// tree itself is the machine's.

import { cgroup2Mount } from './machine.ts'
import { must } from './run.ts'
import { tag } from './scene.ts'

function unshared(setup: string, words: readonly string[]): string[] {
  return ['unshare', '-m', 'sh', '-ec', `${setup}\nexec "$@"`, 'view', ...words]
}

/** The command in a view where /sys/fs/cgroup is the v2 tree and nothing of v1 is seen. */
export function inPureV2(words: readonly string[]): string[] {
  return unshared('umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup', words)
}

export interface Delegation {
  /** The folder's name in the v2 tree. */
  name: string
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
  return {
    name,
    wrap: words => [
      ...inPureV2(['sh', '-ec', `echo $$ > /sys/fs/cgroup/${name}/leaf/cgroup.procs\nexec "$@"`, 'view', ...words]),
    ],
    remove: () => must(['sh', '-c', `find ${tree}/${name} -depth -type d -exec rmdir {} +`]),
  }
}
