import { ELOOP, ENOENT, ENXIO } from '../../native/abi/errno.ts'
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from '../../native/abi/fcntl.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { doing, UsageError } from '../errors.ts'
import { isRegular, kindOf, randomName } from '../host/callersFiles.ts'
import { openParent } from '../host/parentDirectory.ts'
import type { Runtime } from '../runtime.ts'

interface WithPidFile {
  /** Relative to the current directory. */
  readonly pidFile?: string | undefined
}

/**
 * Refuses a pid file that would take the place of something else than a file, before anything is made. What somebody puts
 * there afterwards is replaced, and nothing that it leads to is touched. Errors: UsageError.
 */
export function checkPidFile({ outside, absolute }: Runtime, { pidFile }: WithPidFile): void {
  if (pidFile === undefined) return
  const { stat } = outside.statx(AT_FDCWD, absolute(pidFile), AT_SYMLINK_NOFOLLOW, 'any')
  if (stat === undefined || isRegular(stat.mode)) return
  throw new UsageError(
    `--pid-file: \`${pidFile}\` is ${kindOf(stat.mode)}, which is not replaced; name a regular file or none that is there`,
  )
}

/**
 * The pid as decimal digits and nothing else; conmon and containerd read it when the command has ended. It appears whole,
 * and is written under a name that nobody can guess, so that nobody has put something there.
 */
export function writePidFile({ outside, absolute }: Runtime, { pidFile }: WithPidFile, pid: number): void {
  if (pidFile === undefined) return
  const path = absolute(pidFile)
  doing(`write \`${path}\``, () => {
    const { directory, name } = openParent(outside, path)
    using _ = directory
    outside.replaceFile(directory, name, String(pid), 0o644, ['', name.slice(0, 200), randomName(outside)].join('.'))
  })
}

/** Takes back what writePidFile() did, when there is no such process after all. */
export function removePidFile({ outside, absolute }: Runtime, { pidFile }: WithPidFile, pid: number): void {
  if (pidFile === undefined) return
  const { directory, name } = openParent(outside, absolute(pidFile))
  using _ = directory
  if (isOurs(outside, directory, name, pid)) outside.unlink(directory, name)
}

/** Somebody may have put another file there meanwhile, or led us to another directory. */
function isOurs(outside: Kernel<'outside'>, directory: Fd<'outside'>, name: string, pid: number): boolean {
  const flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK
  using file = outside.openat(directory, name, flags, 0, [ENOENT, ELOOP, ENXIO])
  return file.exists && decode(outside.read(file, 32, 'any')) === String(pid)
}
