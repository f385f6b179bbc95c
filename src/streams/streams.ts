import { O_ACCMODE, O_RDONLY } from '../../native/abi/fcntl.ts'
import { S_IFCHR, S_IFIFO, S_IFMT, S_IFREG, S_IFSOCK } from '../../native/abi/stat.ts'
import type { Stat } from '../../native/calls/stat.ts'
import { STDIO } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { type IdMapping, toHostId } from '../plan/namespaces/idMappings.ts'

// Whoever opens /dev/stdout opens what it leads to once more, which takes rights on the pipe or file itself. So that is made
// to belong to the program's user, as runc and crun do; a device never is, nor what was given for reading alone, which its
// owner could open for writing.

/** Leaves the user or the group as it is, see chown(2). */
export const SAME = 0xffff_ffff

/**
 * A container's user as this process numbers it, to give it files; undefined when that is left to the container's own user
 * namespace, which may be the only one to know the mappings, or to have the right.
 */
export function ownUid(
  uid: number,
  userNamespace: boolean,
  mappings: readonly IdMapping[],
  privileged: boolean,
): number | undefined {
  if (!privileged) return undefined
  return userNamespace ? toHostId(mappings, uid) : uid
}

/** The standard streams of a program, which are its user's from `give` on. */
export class Streams implements Disposable {
  readonly #outside: Kernel<'outside'>
  readonly #lent: { readonly stream: number; readonly owner: number; readonly borrower: number }[] = []
  #left: readonly number[] = []

  constructor(outside: Kernel<'outside'>) {
    this.#outside = outside
  }

  /** Those that the program's own process is to give, before it takes on its user. */
  get left(): readonly number[] {
    return this.#left
  }

  /**
   * Gives what this process can give. What fails is left to the program, which may never open it. A terminal of ours it
   * has as long as we wait for it, and not at all otherwise: its owner reads what is typed there. `uid` is an ownUid().
   */
  give(uid: number | undefined, streams: readonly number[] = STDIO, lendTerminals = false): void {
    const left: number[] = []
    streams.forEach((stream, number) => {
      const { stat } = this.#outside.statx(stream, '', 0, 'any')
      if (stat === undefined || stat.uid === uid) return
      if (isTerminal(stat)) {
        if (lendTerminals && uid !== undefined) this.#lend(stream, stat.uid, uid)
      } else if (isGivable(this.#outside, stream, stat)) {
        if (uid === undefined) left.push(number)
        else this.#outside.fchownat(stream, '', uid, SAME, 'any')
      }
    })
    this.#left = left
  }

  #lend(stream: number, owner: number, borrower: number): void {
    this.#outside.fchownat(stream, '', borrower, SAME, 'any')
    this.#lent.push({ stream, owner, borrower })
  }

  /** Terminals are whose they were. */
  [Symbol.dispose](): void {
    for (const { stream, owner, borrower } of this.#lent.splice(0))
      if (this.#outside.statx(stream, '', 0, 'any').stat?.uid === borrower)
        this.#outside.fchownat(stream, '', owner, SAME, 'any')
  }
}

/** By its major number, in <linux/major.h>: TTY_MAJOR, and those of pseudo-terminals. */
function isTerminal({ mode, rdevMajor }: Stat): boolean {
  return (mode & S_IFMT) === S_IFCHR && (rdevMajor === 4 || (rdevMajor >= 136 && rdevMajor <= 143))
}

/** A file that has no name, a here-document say, nobody else will read. */
function isGivable(outside: Kernel<'outside'>, stream: number, { mode, links }: Stat): boolean {
  switch (mode & S_IFMT) {
    case S_IFIFO:
    case S_IFSOCK:
      return true
    case S_IFREG:
      return links === 0 || (outside.statusFlags(stream) & O_ACCMODE) !== O_RDONLY
    default:
      return false
  }
}
