import { EACCES, ENOENT, EPERM } from '../../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../../native/abi/fcntl.ts'
import type { Fd, Fds } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { doing, HostError } from '../../errors.ts'
import { NAMESPACES } from '../../plan/namespaces/namespaces.ts'
import type { ContainerRecord } from '../../state/record.ts'

/** The thread of a container's first process by which its namespaces are entered. */
export interface ThreadToEnter {
  readonly pidfd: Fd<'outside'>
  /** Its directory in procfs. */
  readonly directory: string
  /** Which of its namespaces are others than ours, as clone flags. */
  readonly namespaces: number
}

/** A kernel may be built without one of the types. */
const HIDDEN = [ENOENT, EACCES, EPERM]

/**
 * The first thread, or another one where that has ended while the process goes on: then it has no namespaces any more but
 * those of its user and its pid. `init` is the process. Errors: HostError when it is protected from us, as the first process
 * is until the container starts.
 */
export function threadToEnter(
  outside: Kernel<'outside'>,
  { pid }: Pick<ContainerRecord, 'pid'>,
  init: Fd<'outside'>,
  fds: Fds,
): ThreadToEnter {
  return doing('namespaces', () => {
    const directory = `/proc/${pid}`
    const inodes = namespacesOf(outside, directory)
    if (inodes.every(inode => inode === undefined))
      throw new HostError(
        'the namespaces of the container are not ours to enter; without privileges that can be done when it is started',
      )
    if (hasMountNamespace(inodes)) return { pidfd: init, directory, namespaces: foreign(outside, inodes) }
    return otherThread(outside, pid, fds)
  })
}

function otherThread(outside: Kernel<'outside'>, pid: number, fds: Fds): ThreadToEnter {
  for (const id of threadsOf(outside, pid)) {
    if (id === pid) continue
    const directory = `/proc/${pid}/task/${id}`
    const pidfd = fds.keep(outside.pidfdOfThread(id))
    const inodes = pidfd.exists ? namespacesOf(outside, directory) : []
    // What is alive afterwards had the number while we looked, so it is the thread of this process.
    if (hasMountNamespace(inodes) && outside.signal(pidfd, 0))
      return { pidfd, directory, namespaces: foreign(outside, inodes) }
  }
  throw new HostError(
    'the first thread of the container’s process has ended; its namespaces are those of another thread, by which Linux 6.9 and newer can enter',
  )
}

function threadsOf(outside: Kernel<'outside'>, pid: number): number[] {
  using directory = outside.openat(AT_FDCWD, `/proc/${pid}/task`, O_RDONLY | O_DIRECTORY, 0, [ENOENT])
  return directory.exists ? outside.readDirectory(directory).map(Number) : []
}

/** In the order of NAMESPACES. */
type Inodes = readonly (bigint | undefined)[]

function namespacesOf(outside: Kernel<'outside'>, directory: string): Inodes {
  const stats = NAMESPACES.map(({ file }) => outside.statx(AT_FDCWD, `${directory}/ns/${file}`, 0, HIDDEN))
  return stats.map(({ stat }) => stat?.inode)
}

function hasMountNamespace(inodes: Inodes): boolean {
  return inodes[NAMESPACES.findIndex(({ type }) => type === 'mount')] !== undefined
}

function foreign(outside: Kernel<'outside'>, theirs: Inodes): number {
  const ours = namespacesOf(outside, '/proc/self')
  return NAMESPACES.reduce((flags, { flag }, i) => (theirs[i] === ours[i] ? flags : flags | flag), 0)
}
