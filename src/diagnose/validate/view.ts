import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_NONBLOCK, O_RDONLY } from '../../../native/abi/fcntl.ts'
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../../native/abi/stat.ts'
import type { Stat } from '../../../native/calls/stat.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { dirname, isWithin, join } from '../../paths.ts'
import type { MountStep } from '../../plan/mounts/mounts.ts'

/** A directory that has to be searched for what is in it. */
export interface Searched {
  readonly path: string
  readonly stat: Stat
}

/** What stands at a path of a container that is not there yet. */
export type PathPlace =
  | {
      readonly kind: 'there'
      /** Without symbolic links. */
      readonly path: string
      /** Where it is on the host, and what it is there. */
      readonly host: string
      readonly stat: Stat
      /** The directories on the way, and it itself when it is one. */
      readonly searched: readonly Searched[]
    }
  /** `at` is the part that is missing, or a link that leads to itself. */
  | { readonly kind: 'absent'; readonly path: string; readonly at: string; readonly loop?: true }
  /** Inside a file system that is mounted anew, whose content nobody knows before. */
  | { readonly kind: 'unknown'; readonly path: string; readonly step: MountStep }

interface SeenMount {
  readonly path: string
  /** On the host; undefined for a new file system. */
  readonly host: string | undefined
  readonly step: MountStep | undefined
}

type SeenEntry = { readonly host: string; readonly stat: Stat } | 'absent' | { readonly step: MountStep }

/** As the kernel allows, MAXSYMLINKS. */
const LINKS_MAX = 40

export const isDirectory = ({ mode }: Stat): boolean => (mode & S_IFMT) === S_IFDIR
export const isFile = ({ mode }: Stat): boolean => (mode & S_IFMT) === S_IFREG

/**
 * The file system of a container as it will be: the root, with what is going to be mounted into it. Only looks, one name at
 * a time and through no symbolic link but those that the container itself would follow, so nothing leads out.
 */
export class ContainerView {
  readonly #outside: Kernel<'outside'>
  #mounts: SeenMount[]

  constructor(outside: Kernel<'outside'>, rootfs: string) {
    this.#outside = outside
    this.#mounts = [{ path: '/', host: rootfs, step: undefined }]
  }

  /** Mounts over what is there so far; gives the steps whose mounts nobody will see for that. */
  mount(step: MountStep): readonly MountStep[] {
    if (step.op === 'remount') return []
    const { path } = this.locate(step.destination)
    const hidden = this.#mounts.filter(mounted => mounted.step !== undefined && isWithin(mounted.path, path))
    this.#mounts = this.#mounts.filter(mounted => !hidden.includes(mounted))
    this.#mounts.push({ path, host: step.op === 'bind' ? step.source : undefined, step })
    return hidden.map(mounted => mounted.step!)
  }

  /** Follows symbolic links, as the container does. */
  locate(path: string): PathPlace {
    const pending = path.split('/')
    const searched: Searched[] = []
    let here = '/'
    for (let links = 0; pending.length > 0; ) {
      const name = pending.shift()!
      if (name === '' || name === '.') continue
      if (name === '..') {
        here = dirname(here)
        continue
      }
      const next = join(here, name)
      const entry = this.#entry(next)
      if (entry === 'absent') return { kind: 'absent', path: join(next, ...pending), at: next }
      if ('step' in entry) return { kind: 'unknown', path: join(next, ...pending), step: entry.step }
      if ((entry.stat.mode & S_IFMT) === S_IFLNK) {
        if (++links > LINKS_MAX) return { kind: 'absent', path: join(next, ...pending), at: next, loop: true }
        const target = this.#outside.readlinkat(AT_FDCWD, entry.host)
        pending.unshift(...target.split('/'))
        if (target.startsWith('/')) here = '/'
        continue
      }
      if (isDirectory(entry.stat)) searched.push({ path: next, stat: entry.stat })
      here = next
    }
    const entry = this.#entry(here)
    if (entry === 'absent') return { kind: 'absent', path: here, at: here }
    if ('step' in entry) return { kind: 'unknown', path: here, step: entry.step }
    return { kind: 'there', path: here, ...entry, searched }
  }

  /** The mount that a path without links is in; undefined in the root itself. */
  mountOf(path: string): MountStep | undefined {
    return this.#mountedAt(path).step
  }

  /** The first bytes of a file; undefined when they can not be had. Whatever it is in this image, it must not make us wait. */
  head(place: PathPlace, size: number): Uint8Array | undefined {
    if (place.kind !== 'there' || !isFile(place.stat)) return undefined
    const flags = O_RDONLY | O_NONBLOCK
    using fd = this.#outside.openat(AT_FDCWD, place.host, flags, 0, 'any')
    return fd.exists ? this.#outside.read(fd, size, 'any') : undefined
  }

  #mountedAt(path: string): SeenMount {
    const candidates = this.#mounts.filter(mounted => isWithin(path, mounted.path))
    return candidates.reduce((one, other) => (other.path.length >= one.path.length ? other : one))
  }

  /** What has this path, in which there are no links but perhaps at the end. */
  #entry(path: string): SeenEntry {
    const { path: base, host, step } = this.#mountedAt(path)
    if (host === undefined) return { step: step! }
    const below = path.slice(base === '/' ? 0 : base.length)
    // The source itself is what its own links lead to.
    const found = `${host === '/' ? '' : host}${below === '/' ? '' : below}` || '/'
    const flags = below === '' || below === '/' ? 0 : AT_SYMLINK_NOFOLLOW
    const { stat } = this.#outside.statx(AT_FDCWD, found, flags, 'any')
    return stat === undefined ? 'absent' : { host: found, stat }
  }
}
