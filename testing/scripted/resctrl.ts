import { EINVAL } from '../../native/abi/errno.ts'
import { S_IFDIR, S_IFREG } from '../../native/abi/stat.ts'
import { RDTGROUP_SUPER_MAGIC } from '../../native/abi/wait.ts'
import { Errno } from './errno.ts'
import { FileNode } from './nodes.ts'
import type { World } from './world.ts'

/** A group of the resctrl file system, with what the kernel puts into a new directory; see resctrl.rst. */
export function resctrlGroup(world: World): FileNode {
  let schemata = 'MB:0=100\nL3:0=00ff\n'
  const node: FileNode = new FileNode(S_IFDIR, 0o755, { mkdir: () => resctrlGroup(world), rmdir: () => {} })
  node.magic = RDTGROUP_SUPER_MAGIC
  const write = (text: string) => {
    if (/[^\n]*:(?!\d+=)/.test(text)) throw new Errno(EINVAL)
    schemata = text
  }
  node.add('schemata', new FileNode(S_IFREG, 0o644, { read: () => schemata, write }))
  node.add('tasks', tasks(world))
  node.add('mon_groups', new FileNode(S_IFDIR, 0o755, { mkdir: () => monitoringGroup(world) }))
  return node
}

function monitoringGroup(world: World): FileNode {
  const node: FileNode = new FileNode(S_IFDIR, 0o755, { rmdir: () => {} })
  node.add('tasks', tasks(world))
  return node
}

function tasks(world: World): FileNode {
  const pids: number[] = []
  const alive = (pid: number) => world.processes.get(pid)?.ended === false
  return new FileNode(S_IFREG, 0o644, {
    read: () =>
      pids
        .filter(alive)
        .map(pid => `${pid}\n`)
        .join(''),
    write: text => void pids.push(Number(text)),
  })
}
