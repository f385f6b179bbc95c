import { EACCES, EINVAL } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_PATH } from '../../native/abi/fcntl.ts'
import {
  MOUNT_ATTR__ATIME,
  MS_BIND,
  MS_MOVE,
  MS_PRIVATE,
  MS_REC,
  MS_REMOUNT,
  MS_UNBINDABLE,
} from '../../native/abi/mount.ts'
import { S_IFDIR, S_IFMT, S_IFREG } from '../../native/abi/stat.ts'
import { PROC_SUPER_MAGIC } from '../../native/abi/wait.ts'
import type { MountAttributes } from '../../native/calls/mount.ts'
import { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { decode } from '../../native/utf8.ts'
import { HostError } from '../errors.ts'
import { parseMountinfo } from '../kernel/mountinfo.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { Parameter } from '../plan/mounts/mountOptions.ts'
import {
  changed,
  flagsOfAttributes,
  flagsOfRemount,
  flagsOfSuperblock,
  isSuperblockFlag,
  mountAttributes,
  optionsText,
} from './mountFlags.ts'
import { pathOf } from './procfs.ts'

type InsideKernel = Kernel<'inside'>
type Inside = Fd<'inside'>

/** What a message says about a call. */
type About = Pick<Call, 'subject' | 'hint' | 'tolerate'>

/** A file system that is being configured, or the mount of one that is there. */
interface Context {
  readonly type: string
  source: string
  readonly flags: string[]
  readonly parameters: Parameter[]
  mount: Inside | undefined
}

/** A place to mount on in the shelter. */
interface ShelterPlace {
  readonly name: string
  readonly path: string
}

const createHints = {
  EINVAL: 'Invalid argument: it does not take one of these options or values',
  ENODEV: 'this kernel does not have that file system',
  EPERM: 'not allowed in this user namespace',
  ENOSPC: 'too many mounts, see /proc/sys/fs/mount-max',
}

/**
 * Can the mounts of this container be made so? In a new mount namespace, of which nothing stays but the root; and nothing but
 * mount_setattr(2) maps ids.
 */
export function canMountByPath({ namespaces, noPivot, mounts }: ContainerPlan): boolean {
  return (
    namespaces.create.has('mount') && !noPivot && !mounts.some(step => step.op === 'bind' && step.idmap !== undefined)
  )
}

/**
 * Has open_tree(2), fsopen(2), move_mount(2), mount_setattr(2) and their kin done by mount(2), where a filter denies one of them,
 * by a process that has a mount namespace of its own and still sees the host's /proc.
 *
 * A mount that is attached nowhere becomes one that is attached where nobody gets to: in a tmpfs of its own, the shelter, over
 * the root of the namespace, since no path leads to what lies over a root. There it gets its attributes, and then it is moved.
 * Every path is the link of a descriptor in a procfs that was opened once and checked, and ends there, so what is bound and
 * what is mounted on is what the descriptor is open on, whatever has become of its name. The shelter goes with the old root.
 */
export function mountByPath(inside: InsideKernel): void {
  const mounts = new MountsByPath(inside)
  const { pivotRoot } = inside
  Object.assign(inside, {
    openTree: (dir, path, recursive, noFollow, hint, tolerate) =>
      mounts.copy(dir, path, recursive, noFollow ?? 0, { hint, tolerate }),
    fsopen: type => mounts.configure({ type, source: type, flags: [], parameters: [], mount: undefined }),
    fspick: mount => mounts.configure({ type: mount.subject, source: '', flags: [], parameters: [], mount }),
    fsconfigString: (fs, key, value) => mounts.parameter(fs, key, value),
    fsconfigFlag: (fs, key) => mounts.parameter(fs, key, undefined),
    fsconfigCreate: (fs, tolerate) => ({ value: mounts.create(fs, tolerate) }),
    fsconfigReconfigure: fs => mounts.reconfigure(fs),
    fsmount: (fs, attributes) => mounts.created(fs, attributes),
    mountSetattr: (mount, recursive, attributes, hint, tolerate) =>
      mounts.change(mount, recursive, attributes, { hint, tolerate }),
    moveMount: (mount, target) => mounts.move(mount, target),
    // It is attached already, and whoever asks for this looks for it by its descriptor.
    moveMountToPath: () => {},
    pivotRoot: () => {
      pivotRoot.call(inside)
      mounts.rootChanged()
    },
  } satisfies Partial<InsideKernel>)
}

class MountsByPath {
  readonly #inside: InsideKernel
  readonly #procfs: Inside
  readonly #contexts = new Map<Inside, Context>()
  /** After the root has changed there is no shelter: what is to be bound, recursively or not, waits for its place. */
  readonly #waiting = new Map<Inside, boolean>()
  #shelter: Inside | undefined
  #places = 0
  #hasNewRoot = false

  constructor(inside: InsideKernel) {
    this.#inside = inside
    this.#procfs = inside.openat(AT_FDCWD, '/proc', O_PATH | O_DIRECTORY).take()
    if (inside.fileSystemType(this.#procfs) !== PROC_SUPER_MAGIC)
      throw new HostError('/proc is not a procfs, which mounting without move_mount needs')
  }

  /** open_tree(2) with OPEN_TREE_CLONE. */
  copy(dir: Inside | number, path: string, recursive: boolean, noFollow: number, about: About): Inside {
    const inside = this.#inside
    const source = path === '' && dir instanceof Fd ? dir : this.#source(dir, path, noFollow, about)
    if (!source.exists) return source
    if (this.#hasNewRoot) {
      const same = inside.duplicate(source, 0)
      this.#waiting.set(same, recursive)
      return same
    }
    const isDirectory = ((inside.statx(source, '').stat?.mode ?? 0) & S_IFMT) === S_IFDIR
    const place = this.#place(isDirectory)
    const flags = MS_BIND | (recursive ? MS_REC : 0)
    const result = this.#mount(pathOf(source), place.path, null, flags, null, {
      ...about,
      subject: `\`${source.subject}\``,
    })
    return result < 0 ? new Fd(inside, result, source.subject) : this.#attached(place, source.subject)
  }

  #source(dir: Inside | number, path: string, noFollow: number, about: About): Inside {
    const flags = O_PATH | O_CLOEXEC | (noFollow === 0 ? 0 : O_NOFOLLOW)
    const call = { name: 'openat', args: [dir, path, flags, 0], ...about, subject: `\`${path}\`` } as const
    return new Fd(this.#inside, this.#inside.later(call), path)
  }

  /** fsopen(2), fspick(2). A context is known by a descriptor, which is open like any. */
  configure(context: Context): Inside {
    const fs = new Fd(this.#inside, this.#inside.duplicate(this.#procfs, 0).take().result, context.type)
    this.#contexts.set(fs, context)
    return fs
  }

  #context(fs: Inside): Context {
    return this.#contexts.get(fs)!
  }

  /** FSCONFIG_SET_STRING, FSCONFIG_SET_FLAG of fsconfig(2). */
  parameter(fs: Inside, key: string, value: string | undefined): void {
    const context = this.#context(fs)
    if (key === 'source' && value !== undefined) context.source = value
    else if (value === undefined && isSuperblockFlag(key)) context.flags.push(key)
    else context.parameters.push(value === undefined ? { key } : { key, value })
  }

  /** FSCONFIG_CMD_CREATE of fsconfig(2), with a mount of the file system. */
  create(fs: Inside, tolerate: Call['tolerate']): number {
    const context = this.#context(fs)
    const { type, source, flags, parameters } = context
    const place = this.#hasNewRoot ? { name: '', path: '/' } : this.#place(true)
    const about = { subject: type, hint: createHints, tolerate }
    const result = this.#mount(source, place.path, type, flagsOfSuperblock(flags), optionsText(parameters), about)
    if (result >= 0) context.mount = this.#hasNewRoot ? this.#overRoot(type) : this.#attached(place, type)
    return result
  }

  /** What was just mounted over the root, and is attached nowhere then: what is asked for there is only looked into. */
  #overRoot(type: string): Inside {
    const inside = this.#inside
    const mount = new Fd(inside, inside.openat(AT_FDCWD, '/..', O_PATH | O_DIRECTORY).take().result, type)
    inside.detach('/..')
    return mount.take()
  }

  /** FSCONFIG_CMD_RECONFIGURE of fsconfig(2). */
  reconfigure(fs: Inside): void {
    const { mount, flags, parameters } = this.#context(fs)
    const all = MS_REMOUNT | flagsOfRemount(this.#inside, mount!, flags)
    this.#mount(null, pathOf(mount!), null, all, optionsText(parameters), { subject: `reconfigure ${fs.subject}` })
  }

  /** fsmount(2). */
  created(fs: Inside, attributes: number): Inside {
    const { mount, type } = this.#context(fs)
    if (mount === undefined) return new Fd(this.#inside, -EINVAL, type)
    if (attributes !== 0) this.#set(mount, attributes, MOUNT_ATTR__ATIME, { subject: type })
    return mount
  }

  /** mount_setattr(2). */
  change(
    mount: Inside,
    recursive: boolean,
    { set = 0, clear = 0, propagation, userNamespace }: MountAttributes,
    more: About,
  ): void {
    const about = { ...more, subject: `\`${mount.subject}\`` }
    if (userNamespace !== undefined) throw new HostError('id-mapped mounts need mount_setattr')
    if (propagation !== undefined)
      this.#mount(null, pathOf(mount), null, propagation | (recursive ? MS_REC : 0), null, about)
    if (set === 0 && clear === 0) return
    this.#set(mount, set, clear, about)
    if (recursive) for (const below of this.#below(mount)) this.#set(below, set, clear, about)
  }

  #set(mount: Inside, set: number, clear: number, about: About): void {
    const now = mountAttributes(this.#inside, mount)
    const wanted = changed(now, set, clear)
    if (wanted === now) return
    this.#mount(null, pathOf(mount), null, MS_REMOUNT | MS_BIND | flagsOfAttributes(wanted), null, about)
  }

  /** The mounts below this one that can be reached, each opened from it without a link and compared by its number. */
  #below(mount: Inside): Inside[] {
    const inside = this.#inside
    const rows = parseMountinfo(decode(inside.readFile(this.#procfs, 'thread-self/mountinfo')))
    const id = this.#idOf(mount)
    const top = rows.find(row => row.id === id)
    const found: Inside[] = []
    const known = new Set([id])
    for (const row of rows) {
      if (top === undefined || !known.has(row.parent)) continue
      known.add(row.id)
      const path = row.target.slice(top.target === '/' ? 1 : top.target.length + 1)
      const fd = path === '' ? undefined : inside.openat2(mount, path, O_PATH | O_NOFOLLOW, 0).take()
      if (fd !== undefined && this.#idOf(fd) === row.id) found.push(fd)
      else if (!rows.some(other => other.target === row.target && other.parent === row.id))
        throw new HostError(`the mount at \`${row.target}\` is not there any more: somebody renames directories of it`)
    }
    return found
  }

  #idOf(fd: Inside): number {
    const text = decode(this.#inside.readFile(this.#procfs, `thread-self/fdinfo/${fd.number}`))
    return Number(/^mnt_id:\s*(\d+)$/m.exec(text)?.[1])
  }

  /** move_mount(2) by descriptors. */
  move(mount: Inside, target: Inside): void {
    const recursive = this.#waiting.get(mount)
    const flags = recursive === undefined ? MS_MOVE : MS_BIND | (recursive ? MS_REC : 0)
    const hint = {
      ENOSPC: createHints.ENOSPC,
      EINVAL: 'not a directory over a directory, nor a file over a file: nothing else can be mounted',
      ENOTDIR: 'not a directory over a directory, nor a file over a file: nothing else can be mounted',
    }
    this.#mount(pathOf(mount), pathOf(target), null, flags, null, { subject: `\`${target.subject}\``, hint })
  }

  /** The old root lies on the new one, and the shelter, with what is left in it, on the old root. */
  rootChanged(): void {
    if (this.#shelter !== undefined) this.#inside.detach('.')
    this.#shelter = undefined
    this.#hasNewRoot = true
  }

  #place(isDirectory: boolean): ShelterPlace {
    const inside = this.#inside
    this.#shelter ??= this.#makeShelter()
    const name = String(++this.#places)
    if (isDirectory) inside.mkdirat(this.#shelter, name, 0o700)
    else inside.mknodat(this.#shelter, name, S_IFREG | 0o600, 0)
    return { name, path: `${pathOf(this.#shelter)}/${name}` }
  }

  /** A mount that is shared with the host would hand it on, and a copy of the root have it, too. */
  #makeShelter(): Inside {
    const inside = this.#inside
    inside.mountPropagation('/', MS_PRIVATE)
    inside.mountNew('shelter', '/', 'tmpfs', 0, 'mode=700')
    inside.mountPropagation('/..', MS_UNBINDABLE)
    return inside.openat(AT_FDCWD, '/..', O_PATH | O_DIRECTORY).take()
  }

  #attached({ name }: ShelterPlace, subject: string): Inside {
    const fd = this.#inside.openat(this.#shelter!, name, O_PATH | O_NOFOLLOW).take()
    return new Fd(this.#inside, fd.result, subject)
  }

  /** mount(2) with paths from the procfs. The working directory stays what it was, if it can be had. */
  #mount(
    source: string | null,
    target: string,
    type: string | null,
    flags: number,
    data: string | null,
    about: About,
  ): number {
    const inside = this.#inside
    using here = inside.openat(AT_FDCWD, '.', O_PATH | O_DIRECTORY, 0, [EACCES])
    inside.fchdir(this.#procfs)
    const result = inside.now({ name: 'mount', args: [source, target, type, flags, data], ...about })
    if (here.exists) inside.fchdir(here)
    return result
  }
}
