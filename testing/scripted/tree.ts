import { EBUSY, ENOENT, EPERM, ESRCH } from '../../native/abi/errno.ts'
import { S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG } from '../../native/abi/stat.ts'
import { CGROUP2_SUPER_MAGIC, PROC_SUPER_MAGIC, SYSFS_MAGIC } from '../../native/abi/wait.ts'
import { Errno } from './errno.ts'
import { directoryAt, FileNode, fileAt } from './nodes.ts'
import { NodeFile } from './open.ts'
import type { Process, UserNamespace } from './process.ts'
import { attributes } from './security.ts'
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

function generated(read: () => string, write?: (text: string, by: Process) => void): FileNode {
  return new FileNode(S_IFREG, write ? 0o644 : 0o444, write ? { read, write } : { read })
}

/** proc(5). */
function procfs(world: World): FileNode {
  const processAt = (name: string) => world.processes.get(Number(name))
  const root: FileNode = new FileNode(S_IFDIR, 0o555, {
    find: name => {
      if (name === 'self' || name === 'thread-self') return magicLink(self => processDirectory(world, self))
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
    attr: attributes,
    mountinfo: () => generated(() => resctrlMount(world)),
    fd: () => new FileNode(S_IFDIR, 0o500, { find: name => descriptorLink(process, Number(name)) }),
    ns: () => new FileNode(S_IFDIR, 0o500, { find: name => namespaceOf(process, name) }),
    root: () => magicLink(() => process.root),
    cgroup: () => generated(() => `0::${process.cgroup?.path.replace('/sys/fs/cgroup', '') ?? '/'}\n`),
    status: () => generated(() => `Name:\t${process.name}\nNSpid:\t${pid}\t1\n`),
  }
  return new FileNode(S_IFDIR, 0o555, { find: name => (Object.hasOwn(files, name) ? files[name]!() : undefined) })
}

const hostNamespaces = {}
/** PROC_USER_INIT_INO, by which the initial user namespace is known. */
const INITIAL_USER_NAMESPACE = 0xeffffffd
const namespaces = new WeakMap<object, FileNode>()

/** A file that is the same for all in the namespace. The model knows those of users; of the others it is one for all types. */
function namespaceOf(process: Process, name: string): FileNode {
  const owner = (name === 'user' ? process.userNamespace : process.init) ?? hostNamespaces
  const file = namespaces.get(owner) ?? generated(() => '')
  if (owner === hostNamespaces) file.inode = INITIAL_USER_NAMESPACE
  namespaces.set(owner, file)
  return file
}

/** Mounted when a test has put it into the tree. */
function resctrlMount({ root }: World): string {
  const there = root.children.get('sys')?.children.get('fs')?.children.has('resctrl')
  return there ? '35 24 0:30 / /sys/fs/resctrl rw,relatime shared:15 - resctrl resctrl rw\n' : ''
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

/** The controllers that the model knows, and the files that each of them gives to the cgroups below. */
const CONTROLLER_FILES: Readonly<Record<string, readonly string[]>> = {
  cpu: ['cpu.weight', 'cpu.idle', 'cpu.max', 'cpu.max.burst'],
  io: ['io.weight', 'io.max'],
  memory: ['memory.current', 'memory.events', 'memory.low', 'memory.max', 'memory.swap.max'],
  pids: ['pids.max'],
}

const controllersOf = new WeakMap<FileNode, Controllers>()

/** "Controlling Controllers" of cgroup-v2.rst: what a cgroup has, and what it hands on to those below. */
class Controllers {
  readonly enabled = new Set<string>()
  readonly #above: Controllers | undefined
  readonly #isPopulated: () => boolean
  readonly #files = new Map<string, FileNode>()

  constructor(above: Controllers | undefined, isPopulated: () => boolean) {
    this.#above = above
    this.#isPopulated = isPopulated
  }

  available(): string[] {
    return this.#above === undefined ? Object.keys(CONTROLLER_FILES) : [...this.#above.enabled]
  }

  /** A write to cgroup.subtree_control: all of the words or none. */
  enable(text: string): void {
    const names = text.split(' ').map(word => word.slice(1))
    if (names.some(name => !this.available().includes(name))) throw new Errno(ENOENT)
    if (this.#above !== undefined && this.#isPopulated()) throw new Errno(EBUSY)
    for (const name of names) this.enabled.add(name)
  }

  /** A file of a controller that the cgroup above has enabled. */
  file(name: string): FileNode | undefined {
    const controller = name.slice(0, name.indexOf('.'))
    if (!this.#above?.enabled.has(controller) || !CONTROLLER_FILES[controller]?.includes(name)) return undefined
    let file = this.#files.get(name)
    if (file === undefined) {
      let value = ''
      // A write replaces the whole value, however long the old one was.
      file = generated(
        () => value,
        text => {
          value = text
        },
      )
      this.#files.set(name, file)
    }
    return file
  }
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
  const controllers = new Controllers(parent && controllersOf.get(parent), () => members(false).length > 0)
  const node: FileNode = new FileNode(S_IFDIR, 0o755, {
    find: name => controllers.file(name),
    mkdir: () => cgroup(world, node),
    rmdir: () => {
      const busy = members(false).length > 0 || [...node.children.values()].some(child => child.isDirectory)
      if (busy || parent === undefined) throw new Errno(EBUSY)
    },
  })
  controllersOf.set(node, controllers)
  if (parent === undefined) node.magic = CGROUP2_SUPER_MAGIC
  node.add(
    'cgroup.controllers',
    generated(() => `${controllers.available().join(' ')}\n`),
  )
  node.add(
    'cgroup.subtree_control',
    generated(
      () => `${[...controllers.enabled].join(' ')}\n`,
      text => controllers.enable(text),
    ),
  )
  const populated = () => (members(true).length > 0 ? 1 : 0)
  node.add(
    'cgroup.procs',
    generated(
      () =>
        members(false)
          .map(process => `${process.pid}\n`)
          .join(''),
      (text, by) => {
        const pid = Number(text)
        const process = pid === 0 ? by : world.processes.get(pid)
        if (process === undefined) throw new Errno(ESRCH)
        process.cgroup = node
      },
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
