import { EACCES, EBADF, ENOENT, ESPIPE, ESRCH } from '../../native/abi/errno.ts'
import { AT_FDCWD, SEEK_CUR } from '../../native/abi/fcntl.ts'
import { S_IFCHR, S_IFIFO, S_IFMT } from '../../native/abi/stat.ts'
import { deviceNumber, type Stat } from '../../native/calls/stat.ts'
import { STDIO } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { HostError, UsageError } from '../errors.ts'

// What the standard streams of a container lead to lies outside of it: pipes to an engine, files of the host, the terminal
// of whoever ran it. CRIU leaves such things alone when it is told of them by a key, and restore gives it the new ones.

/** The file in a checkpoint that tells them, as runc and crun write it: what streams 0, 1 and 2 led to, as JSON. */
export const DESCRIPTORS_FILE = 'descriptors.json'

/** By their major numbers, in <linux/major.h>: TTY_MAJOR, TTYAUX_MAJOR, and those of pseudo-terminals. */
const isTerminal = (major: number) => major === 4 || major === 5 || (major >= 136 && major <= 143)

/** Something outside of the container that one of its streams leads to. */
interface Stream {
  /** What the link in /proc says, or the key by which CRIU knows a file or terminal from outside. */
  readonly key: string
  /** CRIU has to be told of it when it makes the checkpoint; of pipes it knows by itself. */
  readonly external: boolean
}

/** What the streams of a process lead to. */
export function streamsOf(outside: Kernel<'outside'>, pid: number): Stream[] {
  const mounts = mountIds(outside.readTextIfAny(AT_FDCWD, `/proc/${pid}/mountinfo`) ?? '')
  return STDIO.map(stream => streamOf(outside, pid, stream, mounts))
}

function streamOf(outside: Kernel<'outside'>, pid: number, stream: number, mounts: ReadonlySet<number>): Stream {
  const path = `/proc/${pid}/fd/${stream}`
  const { stat } = outside.statx(AT_FDCWD, path, 0, [ENOENT, ESRCH, EACCES])
  if (stat === undefined) return { key: '', external: false }
  const link = outside.readlinkat(AT_FDCWD, path)
  const mount = mountOf(outside.readTextIfAny(AT_FDCWD, `/proc/${pid}/fdinfo/${stream}`) ?? '')
  const isPipe = (stat.mode & S_IFMT) === S_IFIFO && link.startsWith('pipe:')
  if (isPipe || !link.startsWith('/') || mount === undefined || mounts.has(mount)) return { key: link, external: false }
  return { key: externalKey(stat, mount), external: true }
}

/** The key of CRIU for a file of a mount that the container does not have; see --external in criu(8). */
function externalKey({ mode, rdevMajor, rdevMinor, devMajor, devMinor, inode }: Stat, mount: number): string {
  const hex = (value: number | bigint) => value.toString(16)
  return (mode & S_IFMT) === S_IFCHR && isTerminal(rdevMajor)
    ? `tty[${hex(deviceNumber(rdevMajor, rdevMinor))}:${hex(deviceNumber(devMajor, devMinor))}]`
    : `file[${hex(mount)}:${hex(inode)}]`
}

/** The first field of every line is the mount's id; see proc_pid_mountinfo(5). */
function mountIds(mountinfo: string): Set<number> {
  return new Set(mountinfo.split('\n').map(line => Number.parseInt(line, 10)))
}

function mountOf(fdinfo: string): number | undefined {
  const id = /^mnt_id:\s*(\d+)$/m.exec(fdinfo)?.[1]
  return id === undefined ? undefined : Number(id)
}

/**
 * Which of the streams takes whose place; `stdio` are our descriptors that the restored program gets as its streams. Keys
 * beyond those of three streams are nobody's: whoever has altered the file would get by them what CRIU itself has open.
 * Errors: HostError for something else than a list of texts; UsageError for a stream that can not take the place of what
 * was there.
 */
export function inheritedStreams(
  outside: Kernel<'outside'>,
  text: string,
  stdio: readonly [number, number, number] = STDIO,
): { readonly key: string; readonly fd: number }[] {
  const keys = parseKeys(text).slice(0, STDIO.length)
  const streams = keys
    .map((key, fd) => ({ key, fd }))
    .filter(({ key, fd }) => /^(pipe:|file\[|tty\[)/.test(key) && keys.indexOf(key) === fd)
  for (const { key, fd } of streams) if (key.startsWith('file[')) refuseUnseekable(outside, stdio[fd]!)
  return streams
}

/** CRIU restores the position in a file, and gives up where there is none. */
function refuseUnseekable(outside: Kernel<'outside'>, fd: number): void {
  if (outside.now({ name: 'lseek', args: [fd, 0, SEEK_CUR], tolerate: [ESPIPE, EBADF] }) >= 0) return
  throw new UsageError(
    `descriptor ${fd} was a file or a device such as /dev/null when the checkpoint was made, and a pipe, terminal or socket can not take its place; redirect it`,
  )
}

function parseKeys(text: string): readonly string[] {
  try {
    const keys: unknown = JSON.parse(text)
    if (Array.isArray(keys) && keys.every(key => typeof key === 'string')) return keys
  } catch {
    // The same sentence for what is no JSON at all.
  }
  throw new HostError(`\`${DESCRIPTORS_FILE}\` in the checkpoint is not a JSON array of strings`)
}
