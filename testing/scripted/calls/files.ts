import { EEXIST, EINVAL, EISDIR, ELOOP, ENODATA, ENOENT, ENOTDIR, ERANGE } from '../../../native/abi/errno.ts'
import {
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_TRUNC,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
} from '../../../native/abi/fcntl.ts'
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../../native/abi/stat.ts'
import { PROC_SUPER_MAGIC, TMPFS_MAGIC } from '../../../native/abi/wait.ts'
import { get64, put64 } from '../../../native/struct.ts'
import { encode } from '../../../native/utf8.ts'
import type { Invocation } from '../call.ts'
import { Errno } from '../errno.ts'
import { FileNode, type NodeWalk } from '../nodes.ts'
import { NodeFile, Opaque } from '../open.ts'
import type { Implementation } from '../world.ts'

const ACCESS_MODE = 3

/** Calls on paths, and those of the new mount API that give descriptors to walk from. */
export const fileCalls: Readonly<Record<string, Implementation>> = {
  openat: call => open(call, call.int(2), call.int(3), {}),

  openat2(call) {
    const how = call.view(2, 24)
    const resolve = get64(how, 16)
    return open(call, get64(how, 0), get64(how, 8), {
      ...(resolve & RESOLVE_IN_ROOT && { root: call.start(0) }),
      noSymlinks: (resolve & RESOLVE_NO_SYMLINKS) !== 0,
    })
  },

  statx(call) {
    const node = existing(call, 0, call.int(2))
    const out = call.view(4, 256)
    call.bytes(4, 256).fill(0)
    out.setUint32(0x10, node.links, true)
    out.setUint32(0x14, node.uid, true)
    out.setUint32(0x18, node.gid, true)
    out.setUint16(0x1c, node.type | node.mode, true)
    put64(out, 0x20, node.inode)
    put64(out, 0x28, node.size)
    out.setUint32(0x80, node.device[0], true)
    out.setUint32(0x84, node.device[1], true)
    out.setUint32(0x8c, 1, true)
  },

  newfstatat(call) {
    const node = existing(call, 0, call.int(3))
    const out = call.view(2, 144)
    call.bytes(2, 144).fill(0)
    put64(out, 0x8, node.inode)
    put64(out, 0x10, node.links)
    out.setUint32(0x18, node.type | node.mode, true)
    out.setUint32(0x1c, node.uid, true)
    out.setUint32(0x20, node.gid, true)
    out.setUint32(0x28, (node.device[0] << 8) | (node.device[1] & 0xff), true)
    put64(out, 0x30, node.size)
    out.setUint32(0x0, 1, true) // the same device as that of statx
  },

  statfs: call => void tellFileSystem(call, existing(call, -1, 0)),
  fstatfs: call => void tellFileSystem(call, call.nodeFile(0).node),

  faccessat: call => void existing(call, 0, 0),
  fchmodat(call) {
    existing(call, 0, 0).mode = call.int(2)
  },
  fchownat(call) {
    const node = existing(call, 0, call.int(4))
    node.uid = call.int(2)
    node.gid = call.int(3)
  },

  /** No file has any. */
  getxattr() {
    throw new Errno(ENODATA)
  },

  readlinkat(call) {
    const node = existing(call, 0, AT_SYMLINK_NOFOLLOW)
    if (node.type !== S_IFLNK) throw new Errno(EINVAL)
    const target = encode(node.target).subarray(0, call.unsigned(3))
    call.bytes(2, target.length).set(target)
    return target.length
  },

  mkdirat(call) {
    const { directory, name, node } = call.place(0, false)
    if (node !== undefined) throw new Errno(EEXIST)
    directory.add(name, directory.behaviour.mkdir?.(name) ?? new FileNode(S_IFDIR, call.int(2)))
  },

  mknodat(call) {
    const { directory, name, node } = call.place(0, false)
    if (node !== undefined) throw new Errno(EEXIST)
    const made = directory.add(name, new FileNode(call.int(2) & S_IFMT || S_IFREG, call.int(2) & 0o7777))
    const device = call.unsigned(3)
    made.device = [(device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00)]
  },

  symlinkat(call) {
    const { directory, name, node } = call.place(1, false)
    if (node !== undefined) throw new Errno(EEXIST)
    directory.add(name, new FileNode(S_IFLNK, 0o777)).target = call.text(0)
  },

  unlinkat(call) {
    const { node } = call.place(0, false)
    if (node === undefined) throw new Errno(ENOENT)
    const wanted = (call.int(2) & AT_REMOVEDIR) !== 0
    if (node.isDirectory !== wanted) throw new Errno(wanted ? ENOTDIR : EISDIR)
    node.remove()
  },

  renameat2(call) {
    const from = call.place(0, false)
    const to = call.place(2, false)
    if (from.node === undefined) throw new Errno(ENOENT)
    to.node?.remove()
    from.node.remove()
    to.directory.add(to.name, from.node)
  },

  getcwd(call) {
    const path = encode(`${call.process.cwd.path}\0`)
    if (path.length > call.unsigned(1)) throw new Errno(ERANGE)
    call.bytes(0, path.length).set(path)
    return path.length
  },

  chdir(call) {
    changeTo(call, directoryOf(call))
  },
  fchdir(call) {
    changeTo(call, call.start(0))
  },
  chroot(call) {
    call.process.root = directoryOf(call)
  },
  pivot_root(call) {
    call.process.root = call.process.cwd
  },

  open_tree: call => call.process.install(new NodeFile(existing(call, 0, call.int(2)), O_PATH), true),
  /** Of all mounts only devices are looked at afterwards. */
  move_mount(call) {
    const source = call.start(0)
    if (call.text(3) !== '' || source.device[0] === 0) return
    Object.assign(call.start(2), { type: source.type, device: source.device })
  },
  fsopen: call => call.process.install(new Opaque(call.text(0)), true),
  fspick: call => call.process.install(new Opaque('fspick'), true),
  fsmount(call) {
    const root = call.file(0).subject === 'proc' ? procfs(call) : new FileNode(S_IFDIR)
    return call.process.install(new NodeFile(root, O_PATH), true)
  },
}

function procfs({ world }: Invocation): FileNode {
  const root = world.root.children.get('proc')!
  if (root.magic !== PROC_SUPER_MAGIC) throw new Error('the tree has no procfs')
  return root
}

/** The node at a path, or of the descriptor itself with AT_EMPTY_PATH. Errors: ENOENT. */
function existing(call: Invocation, i: number, flags: number): FileNode {
  if (call.text(i + 1) === '' && flags & AT_EMPTY_PATH) return call.start(i)
  if (call.text(i + 1) === '') throw new Errno(ENOENT)
  const { node } = call.place(i, (flags & AT_SYMLINK_NOFOLLOW) === 0)
  if (node === undefined) throw new Errno(ENOENT)
  return node
}

function tellFileSystem(call: Invocation, from: FileNode): void {
  let node: FileNode | undefined = from
  while (node?.magic === undefined && node?.parent) node = node.parent
  call.view(1, 120).setUint32(0, node?.magic ?? TMPFS_MAGIC, true)
}

function open(call: Invocation, flags: number, mode: number, how: Partial<NodeWalk>): number {
  const { directory, name, node: found } = call.place(0, (flags & O_NOFOLLOW) === 0, how)
  if (found === undefined && !(flags & O_CREAT)) throw new Errno(ENOENT)
  if (found !== undefined && flags & O_CREAT && flags & O_EXCL) throw new Errno(EEXIST)
  const node = found ?? directory.add(name, new FileNode(S_IFREG, mode & 0o7777))
  if (node.type === S_IFLNK && !(flags & O_PATH)) throw new Errno(ELOOP)
  if (flags & O_DIRECTORY && !node.isDirectory) throw new Errno(ENOTDIR)
  if (node.isDirectory && flags & ACCESS_MODE) throw new Errno(EISDIR)
  if (flags & O_TRUNC) node.resize(0)
  return call.process.install(new NodeFile(node, flags), (flags & O_CLOEXEC) !== 0)
}

function directoryOf(call: Invocation): FileNode {
  const { cwd, root } = call.process
  const path = call.text(0)
  let at = path.startsWith('/') ? root : cwd
  for (const name of path.split('/').filter(part => part !== '' && part !== '.')) {
    const next = at.find(name, call.process)
    if (next === undefined) throw new Errno(ENOENT)
    at = next
  }
  return at
}

function changeTo({ process }: Invocation, node: FileNode): void {
  if (!node.isDirectory) throw new Errno(ENOTDIR)
  process.cwd = node
}
