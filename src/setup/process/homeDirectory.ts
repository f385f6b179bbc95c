import {
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '../../../native/abi/fcntl.ts'
import { S_IFMT, S_IFREG } from '../../../native/abi/stat.ts'
import type { Stat } from '../../../native/calls/stat.ts'
import { decode } from '../../../native/utf8.ts'
import { Failure, isErrno } from '../../errors.ts'
import { homeOf } from '../../plan/process/passwd.ts'
import type { ContainerRoot } from '../../rootfs/containerRoot.ts'

/** More than 10 000 users have; who makes it longer means us to read it. */
const MOST = 1 << 20
/** What is read together with the other questions; nearly all are shorter. */
const PIECE = 1 << 14
const FILE = 'etc/passwd'
const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS

/**
 * HOME as the container's /etc/passwd says; `/` when that says nothing, as in runc and crun. What it returns gives the
 * answer. Errors: Failure for a file that is too long to be one.
 *
 * It is the container's file, so it may be anything. A look at it comes before it is opened, since opening a device may do
 * something; and it is not waited for.
 */
export function homeDirectory(root: ContainerRoot, uid: number): () => string {
  const { inside, fd } = root
  const found = inside.openat2(fd, FILE, O_PATH, IN_ROOT, 'any').take()
  const looked = inside.statx(found, '', 0, 'any')
  return () => homeOf(readUnlessLeased(root, looked.stat), uid) ?? '/'
}

/** Nothing of a file to which somebody else has a lease: the kernel would have us wait until he gives that up. */
function readUnlessLeased(root: ContainerRoot, seen: Stat | undefined): string {
  try {
    return read(root, seen)
  } catch (error) {
    if (isErrno(error, 'EAGAIN')) return ''
    throw error
  }
}

/** Nothing for what is no file, and for the empty ones that a kernel makes: those of procfs are read for a purpose only. */
function read({ inside, fd }: ContainerRoot, seen: Stat | undefined): string {
  if (!isFile(seen) || seen.size === 0) return ''
  if (seen.size > MOST) throw tooLong()
  // Taken, since the program's execve closes it: to ask for it would be one more round trip.
  const file = inside.openat2(fd, FILE, O_RDONLY | O_NONBLOCK | O_NOCTTY, IN_ROOT, 'any').take()
  const opened = inside.statx(file, '', 0, 'any')
  const start = inside.read(file, PIECE, 'any')
  if (!isFile(opened.stat)) return ''
  if (start.length >= opened.stat.size) return decode(start)
  const rest = inside.readAtMost(file, MOST - start.length)
  if (rest === undefined) throw tooLong()
  const all = new Uint8Array(start.length + rest.length)
  all.set(start)
  all.set(rest, start.length)
  return decode(all)
}

function isFile(stat: Stat | undefined): stat is Stat {
  return ((stat?.mode ?? 0) & S_IFMT) === S_IFREG
}

function tooLong(): Failure {
  return new Failure(
    `\`/${FILE}\` of the container has more than ${MOST >> 20} MiB, so nobody's home is looked for in it; set HOME in process.env`,
  )
}
