import { EEXIST, ELOOP, ENOENT, EXDEV } from '../../native/abi/errno.ts'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  F_DUPFD_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from '../../native/abi/fcntl.ts'
import { S_IFREG } from '../../native/abi/stat.ts'
import { PROC_SUPER_MAGIC } from '../../native/abi/wait.ts'
import type { PendingStat, Stat } from '../../native/calls/stat.ts'
import { Fd, type Side } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Work } from '../../native/kernels/hole.ts'
import type { Call } from '../../native/kernels/machine.ts'
import type { Result } from '../../native/kernels/result.ts'
import { ConfigError, HostError } from '../errors.ts'
import { isWithin } from '../paths.ts'
import { type Maker, openBehindLinks } from './links.ts'

const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS
const WITHOUT_LINKS = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS

/** A link is in the way, or a mount to which one has led covers what was made. */
const AWRY = [ELOOP, ENOENT]

/** Names of what is done for many mounts in the same way. */
const SERIES = { directory: 'mount on a directory', file: 'mount on a file' } as const
const NO_RESULTS: readonly Result[] = []

/** Where it matters most that a mount is where the configuration says. */
const KERNEL_PLACES = ['/proc', '/sys']

const walkHints = {
  ENOENT: 'missing, or behind a symbolic link that leads nowhere in the root file system',
  ELOOP: 'symbolic links that lead round in a circle, or one that is not followed here',
  ENOTDIR: 'not a directory, or a part of the path is none',
  EAGAIN: 'somebody renames or mounts without a pause, and paths with `..` or links are never at rest',
}

const realHints = {
  ...walkHints,
  ELOOP: 'proc and sysfs must be mounted on ordinary directory, and a symbolic link is in its place',
}

/** Something that was mounted. */
interface Mounted<S extends Side> {
  readonly destination: string
  readonly fd: Fd<S>
  /** Those with a higher number came later, and cover what is below them. */
  readonly number: number
}

/** A mount that was made and moved to its place. */
export interface Attached<S extends Side = 'inside'> {
  readonly mount: Fd<S>
  /** The directory below. */
  readonly covered: Fd<S>
  /** Was that missing? */
  isNew(): boolean
}

/** A directory in which something is made. */
interface Parent<S extends Side> {
  readonly fd: Fd<S>
  /** How many mounts there were when it was opened. */
  readonly since: number
}

/** What is at a path, if anything. */
export interface Found<S extends Side = 'inside'> {
  readonly fd: Fd<S>
  readonly stat: PendingStat
}

/**
 * The container's root file system, whose content is not trusted: every path in it is resolved by openat2(2) from the
 * root's descriptor, or from that of the last mount above, and the descriptor that comes out is used from then on. So
 * nothing that happens to the path in between can lead outside, and nobody who renames directories of the root can lead
 * away from a mount that was made. What is to be mounted on is looked for without following links; only when one stands in
 * the way it is followed, in the root, and what it names is made there.
 */
export class ContainerRoot<S extends Side = 'inside'> {
  readonly inside: Kernel<S>
  readonly fd: Fd<S>
  readonly #made = new Map<string, Result>()
  /** Paths that are links, and what they name was missing. */
  readonly #madeBehindLinks = new Set<string>()
  readonly #parents = new Map<string, Parent<S>>()
  readonly #mounts = new Map<string, Mounted<S>>()
  #count = 0
  /** Those on which the protection of the host rests. */
  readonly #relied = new Set<Mounted<S>>()

  /** How what is missing is made; what is there stays as it is. */
  readonly #makers: { readonly directory: Maker<S>; readonly file: Maker<S> }

  constructor(inside: Kernel<S>, fd: Fd<S>) {
    this.inside = inside
    this.fd = fd
    this.#makers = {
      directory: (directory, name) => void inside.mkdirat(directory, name, 0o755, [EEXIST]),
      file: (directory, name) => void inside.mknodat(directory, name, S_IFREG | 0o644, 0, [EEXIST]),
    }
  }

  /** O_PATH on what is there; `resolve` adds to the rule, RESOLVE_NO_SYMLINKS for instance. */
  open(path: string, flags = 0, resolve = 0, tolerate?: Call['tolerate'], hints: Call['hint'] = walkHints): Fd<S> {
    const { mount, rest } = this.#placeOf(path)
    if (mount !== undefined && rest === '') return this.#rootOf(mount, path)
    const fromRoot = () => this.inside.openat2(this.fd, path, O_PATH | flags, IN_ROOT | resolve, tolerate, hints).take()
    if (mount === undefined || tolerate !== undefined) return fromRoot()
    // A link may lead out of the mount.
    const instead = (errno: number) => (errno === EXDEV ? again(fromRoot(), path) : undefined)
    const rule = BENEATH | resolve
    return this.inside.openat2(mount.fd, rest, O_PATH | flags, rule, undefined, hints, instead).take()
  }

  /**
   * O_PATH on what is to be protected, below the mount that has it; what it returns waits for the kernel's answer. Only a
   * link that leads out of that mount is followed from the root.
   */
  openIfThere(path: string, tolerate: readonly number[]): () => Found<S> {
    const { mount, rest } = this.#placeOf(path)
    if (mount !== undefined) this.#relied.add(mount)
    if (mount === undefined || rest === '') return this.#look(this.open(path, 0, 0, tolerate))
    const all = [...tolerate, EXDEV]
    const found = this.#look(this.inside.openat2(mount.fd, rest, O_PATH, BENEATH, all, walkHints).take())
    return () => {
      const { fd, stat } = found()
      if (fd.number !== -EXDEV) return { fd, stat }
      return this.#look(this.inside.openat2(this.fd, path, O_PATH, IN_ROOT, tolerate, walkHints).take())()
    }
  }

  #look(fd: Fd<S>): () => Found<S> {
    const stat = this.inside.statx(fd, '', 0, 'any')
    return () => ({ fd, stat })
  }

  /** A directory to mount on, made with its parents when missing, also where a link leads that is there. */
  directory(path: string): Fd<S> {
    const mount = this.#mounts.get(path)
    if (mount !== undefined) return this.#rootOf(mount, path)
    const parent = this.#parent(path)
    this.#makeDirectory(path, parent)
    return this.#target(path, parent, O_DIRECTORY, this.#makers.directory)
  }

  /** A file to mount a file on: an empty one is made when there is none. `flags` are for opening it. */
  file(path: string, flags = 0): Fd<S> {
    const mount = this.#mounts.get(path)
    if (mount !== undefined) return this.#rootOf(mount, path)
    const parent = this.#parent(path)
    this.#makers.file(parent.fd, nameOf(path))
    return this.#target(path, parent, flags, this.#makers.file)
  }

  /**
   * Moves a mount onto the directory there, or onto the file, which is made with its parents when it is missing. Nothing of
   * it is waited for, and of many mounts none costs much. With `isLast` nothing will be looked for at the path or below it,
   * and the mount is closed.
   */
  attach(mount: Fd<S>, path: string, kind: 'directory' | 'file', isLast = false): void {
    const { inside } = this
    const below = this.#mounts.get(path)
    if (below !== undefined) inside.moveMount(mount, this.#rootOf(below, path))
    else {
      const name = nameOf(path)
      const place = this.#placeOf(path)
      const parent = this.#parent(path, place.mount?.number ?? 0)
      const isFresh = parent.since === this.#count // see #placeToLook()
      const from = isFresh ? parent.fd : (place.mount?.fd ?? this.fd)
      const make = this.#makers[kind]
      const flags = kind === 'directory' ? O_DIRECTORY : 0
      const words = [mount, parent.fd, name, from, isFresh ? name : place.rest] as const
      inside.again(SERIES[kind], words, (mount, directory, name, from, rest) => {
        make(directory, name)
        using target = this.#openFree(path, from, rest, flags, make)
        inside.moveMount(mount, target)
        return NO_RESULTS
      })
    }
    this.mounted(path, mount)
    if (isLast) this.forget(path, mount)
  }

  /** Closes a mount at whose place, and below, nothing will be looked for. */
  forget(path: string, mount: Fd<S>): void {
    this.#mounts.delete(path)
    new Fd(this.inside, mount.result, path).close()
  }

  /**
   * The same with a mount that `make` makes there, in the same calls for all that are of one `kind`, if that is told. What it returns has the
   * directory that is covered, and asks the executor whether that was missing.
   */
  attachNew(path: string, kind: string | undefined, make: () => Fd<S>): Attached<S> {
    const { inside } = this
    const below = this.#mounts.get(path)
    const parent = this.#parent(path)
    const { from, rest } = below ? { from: this.#rootOf(below, path), rest: '.' } : this.#placeToLook(path, parent)
    const words = [parent.fd, nameOf(path), from, rest] as const
    const work: Work<typeof words> = (directory, name, from, rest) => {
      const made = inside.mkdirat(directory, name, 0o755, [EEXIST])
      const target = this.#openFree(path, from, rest, O_DIRECTORY, this.#makers.directory)
      const mount = make()
      inside.moveMount(mount, target)
      return [made, target.result, mount.result]
    }
    const [made, covered, mounted] =
      kind === undefined ? work(...words) : inside.again(`new mount ${kind}`, words, work)
    const mount = new Fd(inside, mounted!, path).take()
    this.mounted(path, mount)
    const isNew = () => made!.value >= 0 || (below === undefined && this.#madeBehindLinks.has(path))
    return { mount, covered: new Fd(inside, covered!, path).take(), isNew }
  }

  /** A directory that is reached without any symbolic link: what proc and sysfs are mounted on (CVE-2019-19921). */
  realDirectory(path: string): Fd<S> {
    const { mount, rest } = this.#placeOf(path)
    if (mount !== undefined && rest === '') return this.#rootOf(mount, path)
    this.#makeDirectory(path, this.#parentNow(path))
    const from = mount?.fd ?? this.fd
    return this.inside.openat2(from, rest, O_PATH | O_DIRECTORY, WITHOUT_LINKS, undefined, realHints).take()
  }

  /** A directory to work in, made with its parents when it is missing; but not what a link names. */
  workingDirectory(path: string): Fd<S> {
    const { inside, fd: root } = this
    const open = (at: string, instead?: Call['instead']) =>
      inside.openat2(root, at, O_PATH | O_DIRECTORY, IN_ROOT, undefined, walkHints, instead).take()
    const make = () => {
      let [made, at] = [root, '']
      for (const name of path.split('/').filter(Boolean)) {
        inside.mkdirat(made, name, 0o755, [EEXIST])
        at += `/${name}`
        made = open(at)
      }
      return made
    }
    return open(path, errno => (errno === ENOENT ? again(make(), path) : undefined))
  }

  /** What is at the path, and has been made in `parent` when nothing was. A link is followed. */
  #target(path: string, parent: Parent<S>, flags: number, make: Maker<S>): Fd<S> {
    const { from, rest } = this.#placeToLook(path, parent)
    return this.#open(path, from, rest, flags, make).take()
  }

  /**
   * Where to look for what was made in `parent`. Once something was mounted since that was opened, it is looked for by its
   * path: a link may have led the mount over the directory.
   */
  #placeToLook(path: string, parent: Parent<S>): { from: Fd<S>; rest: string } {
    if (parent.since === this.#count) return { from: parent.fd, rest: nameOf(path) }
    const { mount, rest } = this.#placeOf(path)
    return { from: mount?.fd ?? this.fd, rest }
  }

  #open(path: string, from: Fd<S>, rest: string, flags: number, make: Maker<S>): Fd<S> {
    const behind = () => again(this.#behindLinks(path, flags, make), path)
    return this.#openWithoutLinks(from, rest, flags, behind)
  }

  /** The same for what is mounted over, which is not the root: a mount there would cover nothing that anybody sees. */
  #openFree(path: string, from: Fd<S>, rest: string, flags: number, make: Maker<S>): Fd<S> {
    const behind = () => {
      const fd = this.#behindLinks(path, flags, make)
      this.#refuseRoot(path, fd)
      return again(fd, path)
    }
    return this.#openWithoutLinks(from, rest, flags, behind)
  }

  #openWithoutLinks(from: Fd<S>, rest: string, flags: number, behind: () => Call): Fd<S> {
    const instead = (errno: number) => (AWRY.includes(errno) ? behind() : undefined)
    return this.inside.openat2(from, rest, O_PATH | flags, WITHOUT_LINKS, undefined, walkHints, instead)
  }

  /** A descriptor on what a link leads to in the root, made where there is nothing. */
  #behindLinks(path: string, flags: number, make: Maker<S>): Fd<S> {
    const { inside, fd: root } = this
    const there = inside.openat2(root, path, O_PATH | flags, IN_ROOT, [ENOENT], walkHints).take()
    if (!there.exists) this.#madeBehindLinks.add(path)
    const fd = there.exists ? there : openBehindLinks(inside, root, path, make).take()
    // Where programs look for the truth, see procIsLeftAlone() of the plan.
    if (!isWithin(path, '/proc') && inside.fileSystemType(fd) === PROC_SUPER_MAGIC)
      throw new ConfigError(`\`${path}\` leads through a symbolic link into a procfs, where nothing is mounted or made`)
    return fd
  }

  #refuseRoot(path: string, fd: Fd<S>): void {
    const [there, root] = [fd, this.fd].map(fd => this.inside.statx(fd, '', 0, []).stat!)
    if (there!.inode === root!.inode && isSameMount(there!, root!))
      throw new ConfigError(`\`${path}\` leads through a symbolic link to the root, over which nothing is mounted`)
  }

  /** The directory that holds `path`, made when missing, and the name in it. */
  parentOf(path: string): { parent: Fd<S>; name: string } {
    return { parent: this.#parentNow(path).fd, name: nameOf(path) }
  }

  /** The same, opened since the last mount. */
  #parentNow(path: string): Parent<S> {
    const directory = path.slice(0, path.lastIndexOf('/'))
    if (directory === '') return { fd: this.fd, since: this.#count }
    const known = this.#parents.get(directory)
    if (known?.since === this.#count) return known
    const parent = { fd: this.directory(directory), since: this.#count }
    this.#parents.set(directory, parent)
    return parent
  }

  /**
   * The same, or opened earlier: nothing was mounted above it since, as far as names tell. `above`: the number of the mount in which
   * it is, or 0.
   */
  #parent(path: string, above?: number): Parent<S> {
    const directory = path.slice(0, path.lastIndexOf('/'))
    const known = this.#parents.get(directory)
    if (known === undefined) return this.#parentNow(path)
    return (above ?? this.#placeOf(directory).mount?.number ?? 0) <= known.since ? known : this.#parentNow(path)
  }

  /** What exists already, a directory or a link to one, stays as it is. */
  #makeDirectory(path: string, parent: Parent<S>): void {
    if (this.#made.has(path)) return
    this.#made.set(path, this.inside.mkdirat(parent.fd, nameOf(path), 0o755, [EEXIST]))
  }

  /** Was this directory missing until directory() made it? Asks the executor, which has to have been there already. */
  isNew(path: string): boolean {
    if ((this.#made.get(path)?.value ?? -1) >= 0) return true
    return this.#madeBehindLinks.has(path) && !this.#mounts.has(path)
  }

  /** This was mounted at `destination`: what is known of the tree may be covered by it, under this name or another. */
  mounted(destination: string, fd: Fd<S>): void {
    this.#made.clear()
    this.#count += 1
    const mount = { destination, fd, number: this.#count }
    this.#mounts.set(destination, mount)
    if (KERNEL_PLACES.includes(destination)) this.#relied.add(mount)
  }

  #rootOf({ fd }: Mounted<S>, path: string): Fd<S> {
    return new Fd(this.inside, fd.result, path).take()
  }

  /** The mount in which a path is, when it is one that was made here, and the path below it or below the root. */
  #placeOf(path: string): { mount: Mounted<S> | undefined; rest: string } {
    let mount: Mounted<S> | undefined
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      const one = this.#mounts.get(at)
      if (one !== undefined && (mount === undefined || one.number > mount.number)) mount = one
    }
    let start = mount?.destination.length ?? 0
    while (path[start] === '/') start++
    return { mount, rest: path.slice(start) }
  }

  /**
   * When the root has changed: is what the configuration has mounted at /proc and /sys there, and that in which paths were
   * masked or made read-only? What it returns throws a HostError when somebody who can write to the root file system has
   * renamed directories meanwhile. `covered`: paths over which we have laid something ourselves.
   */
  checkPlaces(covered: readonly string[]): () => void {
    const { inside } = this
    const places = [...this.#relied].filter(
      mount => this.#placeOf(mount.destination).mount === mount && !covered.includes(mount.destination),
    )
    const seen = places.map(({ destination, fd }) => ({
      destination,
      wanted: inside.statx(fd, '', 0, []),
      found: inside.statx(AT_FDCWD, destination, AT_SYMLINK_NOFOLLOW, 'any'),
    }))
    return () => {
      for (const { destination, wanted, found } of seen)
        if (found.stat === undefined || !isSameMount(found.stat, wanted.stat!))
          throw new HostError(
            `what was mounted at \`${destination}\` is not there any more: somebody has renamed directories of the root file system while the container was made, or a hook has mounted over it`,
          )
    }
  }
}

/**
 * Are these the roots of one mount? Where the kernel does not tell, of one file system: it is in the container either way,
 * under one name or the other, so who renames its mount points gets nowhere by that.
 */
function isSameMount(a: Stat, b: Stat): boolean {
  if (a.mountId !== undefined) return a.mountId === b.mountId
  return a.inode === b.inode && a.devMajor === b.devMajor && a.devMinor === b.devMinor
}

/** The last name of a path. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** Instead of opening something anew: the descriptor that is there. */
function again(fd: Fd<Side>, path: string): Call {
  return { name: 'fcntl', args: [fd, F_DUPFD_CLOEXEC, 0], subject: `\`${path}\`` }
}
