import { EEXIST, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY } from '../../../native/abi/errno.ts'
import { AT_REMOVEDIR, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../../../native/abi/fcntl.ts'
import { type Name, textOf } from '../../../native/calls/file.ts'
import type { Dir } from '../../../native/calls/stat.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { encode } from '../../../native/utf8.ts'

type Outside = Kernel<'outside'>

const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
/** The name of a directory that has come up; a number follows. */
const RAISED = '.tsrun-removed-'

/**
 * Removes what has this name, and all that is in it; what is not there is fine. Images and containers make names that are no
 * text, and more levels than a path can have: so names are bytes, and directories further down come up to the first level
 * before they are emptied, so that no more than two are ever open.
 */
export function removeAll(outside: Outside, parent: Dir, name: string): void {
  const bytes = encode(`${name}\0`)
  if (isRemoved(outside, parent, bytes)) return
  using top = open(outside, parent, bytes)
  let raised = 0
  for (let names = namesIn(outside, top); names.length > 0; names = namesIn(outside, top))
    for (const each of names) {
      if (isRemoved(outside, top, each)) continue
      using directory = open(outside, top, each)
      for (const below of outside.readNames(directory))
        if (!isRemoved(outside, directory, below)) raised = raise(outside, directory, below, top, raised)
      remove(outside, top, each, AT_REMOVEDIR, [])
    }
  remove(outside, parent, bytes, AT_REMOVEDIR, [])
}

/** From the first on, whatever has been read. */
function namesIn(outside: Outside, directory: Fd<'outside'>): Name[] {
  using again = outside.openat(directory, '.', DIRECTORY)
  return outside.readNames(again)
}

/** False for a directory that is not empty. */
function isRemoved(outside: Outside, parent: Dir, name: Name): boolean {
  if (remove(outside, parent, name, 0, [ENOENT, EISDIR]) !== -EISDIR) return true
  return remove(outside, parent, name, AT_REMOVEDIR, [ENOTEMPTY]) !== -ENOTEMPTY
}

/** unlinkat(parent, name, flags), see unlink(2). */
function remove(outside: Outside, parent: Dir, name: Name, flags: number, tolerate: readonly number[]): number {
  return outside.now({ name: 'unlinkat', args: [parent, name, flags], subject: `\`${textOf(name)}\``, tolerate })
}

function open(outside: Outside, parent: Dir, name: Name): Fd<'outside'> {
  allow(outside, parent, name)
  return outside.openat(parent, name, DIRECTORY)
}

/** Lets a user who is not root look into a directory of his own, and move it. */
function allow(outside: Outside, parent: Dir, name: Name): void {
  outside.now({ name: 'fchmodat', args: [parent, name, 0o700], tolerate: 'any' })
}

/** Brings a directory up; returns the number that it has got, the first from `last` on whose name is free. */
function raise(outside: Outside, from: Dir, name: Name, top: Dir, last: number): number {
  allow(outside, from, name)
  const taken = [EEXIST, ENOTEMPTY, ENOTDIR]
  for (let number = last + 1; ; number += 1) {
    const args = [from, name, top, encode(`${RAISED}${number}\0`), 0]
    if (outside.now({ name: 'renameat2', args, subject: `\`${textOf(name)}\``, tolerate: taken }) >= 0) return number
  }
}
