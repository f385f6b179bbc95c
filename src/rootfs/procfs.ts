import { EINVAL, ENOSYS, EPERM } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../native/abi/fcntl.ts'
import { PROC_SUPER_MAGIC } from '../../native/abi/wait.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { HostError } from '../errors.ts'

/**
 * A procfs of our own, which nothing can be mounted over (CVE-2019-16884, CVE-2025-52881). Some user namespaces may not
 * have one; then the host's, so this is to be called while the root is the host's. `purpose` is for the error.
 */
export function trustedProcfs(inside: Kernel<'inside'>, purpose: string): Fd<'inside'> {
  const fs = inside.fsopen('proc').take()
  inside.fsconfigCreate(fs, [EPERM])
  // EINVAL: there is no file system to be mounted.
  const own = inside.fsmount(fs, 0, [EPERM, EINVAL]).take()
  if (own.exists) return own
  const host = inside.openat(AT_FDCWD, '/proc', O_PATH | O_DIRECTORY).take()
  if (inside.fileSystemType(host) !== PROC_SUPER_MAGIC) throw new HostError(`${purpose}: /proc is not a procfs`)
  return host
}

/** The path of a descriptor of the executor in a procfs. */
export function pathOf(fd: Fd<'inside'>): string {
  return `thread-self/fd/${fd.number}`
}

/** chmod(2) of what a descriptor of O_PATH is open on, whatever has become of its name. */
export function changeMode(inside: Kernel<'inside'>, fd: Fd<'inside'>, mode: number): void {
  if (inside.fchmodat2(fd, mode, [ENOSYS, EPERM]).value >= 0) return
  // Before Linux 6.6, and where a filter of system calls does not know it.
  inside.fchmodat(trustedProcfs(inside, `the mode of \`${fd.subject}\` can not be set`), pathOf(fd), mode)
}
