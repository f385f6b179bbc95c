import { EBUSY, EPERM } from '../../abi/errno.ts'
import { S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG } from '../../abi/stat.ts'
import { CGROUP2_SUPER_MAGIC, PROC_SUPER_MAGIC, SYSFS_MAGIC } from '../../abi/wait.ts'
import { Errno } from './errno.ts'
import { directoryAt, FileNode, fileAt } from './nodes.ts'
import { NodeFile } from './open.ts'
import type { Process, UserNamespace } from './process.ts'
import type { World } from './world.ts'

const SIGKILL = 9

/** The tree that a run starts with: what the runtime looks at on every host. */
export function makeTree(world: World): { root: FileNode; cgroups: FileNode } {
  const root = new FileNode(S_IFDIR)
  for (const path of ['/run', '/tmp', '/dev', '/etc', '/usr/bin', '/sys/fs']) directoryAt(root, path)
  directoryAt(root, '/sys').magic = SYSFS_MAGIC
  const nothing = new FileNode(S_IFCHR, 0o666, { read: () => '', write: () => {} })
  nothing.device = [1, 3]
  directoryAt(root, '/dev').add('null', nothing)
  fileAt(root, '/etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n')
  root.add('proc', procfs(world))
  const cgroups = directoryAt(root, '/sys/fs').add('cgroup', cgroup(world, undefined))
  return { root, cgroups }
}

function generated(read: () => string, write?: (text: string) => void): FileNode {
  return new FileNode(S_IFREG, write ? 0o644 : 0o444, write ? { read, write } : { read })
}

/** proc(5). */
function procfs(world: World): FileNode {
  const processAt = (name: string) => world.processes.get(Number(name))
  const root: FileNode = new FileNode(S_IFDIR, 0o555, {
    find: name => {
      if (name === 'self') return magicLink(self => processDirectory(world, self))
      const process = processAt(name)
      return process && processDirectory(world, process)
    },
  })
  root.magic = PROC_SUPER_MAGIC
  fileAt(root, '/sys/kernel/cap_last_cap', '40\n')
  fileAt(root, '/sys/kernel/shm_rmid_forced', '0\n')
  fileAt(root, '/sys/net/ipv4/ip_forward', '0\n')
  return root
}

function magicLink(jump: (by: Process) => FileNode): FileNode {
  return new FileNode(S_IFLNK, 0o777, { jump })
}

function processDirectory(world: World, process: Process): FileNode {
  const { pid } = process
  const state = () => (process.ended ? 'Z' : 'S')
  const stat = () => `${pid} (${process.name}) ${state()} ${'0 '.repeat(18)}${100 + pid} 0\n`
  const files: Record<string, () => FileNode> = {
    stat: () => generated(stat),
    oom_score_adj: () =>
      generated(
        () => '0\n',
        () => {},
      ),
    timens_offsets: () =>
      generated(
        () => '',
        () => {},
      ),
    uid_map: () => idMap(world, process, 'uid_map'),
    gid_map: () => idMap(world, process, 'gid_map'),
    setgroups: () => idMap(world, process, 'setgroups'),
    fd: () => new FileNode(S_IFDIR, 0o500, { find: name => descriptorLink(process, Number(name)) }),
    ns: () => new FileNode(S_IFDIR, 0o500, { find: () => generated(() => '') }),
  }
  return new FileNode(S_IFDIR, 0o555, { find: name => (Object.hasOwn(files, name) ? files[name]!() : undefined) })
}

function descriptorLink(process: Process, fd: number): FileNode | undefined {
  if (!process.descriptors.includes(fd)) return undefined
  const file = process.file(fd)
  return magicLink(() => (file instanceof NodeFile ? file.node : new FileNode(S_IFREG)))
}

/** user_namespaces(7): written once; by a user without privileges only for the own id, groups after giving up setgroups. */
function idMap(world: World, process: Process, name: keyof UserNamespace): FileNode {
  const { uid = 0 } = world.script
  const initial = name === 'setgroups' ? 'allow' : '         0          0 4294967295\n'
  const mayWrite = (text: string, own: UserNamespace) => {
    if (name === 'setgroups') return true
    if (own[name] !== '') return false
    return uid === 0 || (text.split(' ')[1] === String(uid) && (name === 'uid_map' || own.setgroups === 'deny'))
  }
  return generated(
    () => process.userNamespace?.[name] ?? initial,
    text => {
      const own = process.userNamespace
      if (own === undefined || !mayWrite(text, own)) throw new Errno(EPERM)
      own[name] = text
    },
  )
}

/** A directory of the cgroup version 2 tree, with the files that the runtime uses; see cgroup-v2.rst. */
function cgroup(world: World, parent: FileNode | undefined): FileNode {
  let frozen = '0'
  const members = (below: boolean) =>
    [...world.processes.values()].filter(
      process =>
        !process.ended &&
        (process.cgroup === node || (below && `${process.cgroup?.path}/`.startsWith(`${node.path}/`))),
    )
  const node: FileNode = new FileNode(S_IFDIR, 0o755, {
    mkdir: () => cgroup(world, node),
    rmdir: () => {
      const busy = members(false).length > 0 || [...node.children.values()].some(child => child.isDirectory)
      if (busy || parent === undefined) throw new Errno(EBUSY)
    },
  })
  if (parent === undefined) node.magic = CGROUP2_SUPER_MAGIC
  const populated = () => (members(true).length > 0 ? 1 : 0)
  node.add(
    'cgroup.procs',
    generated(() =>
      members(false)
        .map(process => `${process.pid}\n`)
        .join(''),
    ),
  )
  node.add(
    'cgroup.events',
    generated(() => `populated ${populated()}\nfrozen ${frozen}\n`),
  )
  node.add(
    'cgroup.freeze',
    generated(
      () => `${frozen}\n`,
      text => {
        frozen = text.trim()
      },
    ),
  )
  node.add(
    'cgroup.kill',
    generated(
      () => '',
      () => {
        for (const process of members(true)) world.end(process, SIGKILL)
      },
    ),
  )
  return node
}
