import { ENOENT } from '../../../native/abi/errno.ts'
import {
  AT_FDCWD,
  F_DUPFD_CLOEXEC,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../../native/abi/fcntl.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import type { Call } from '../../../native/kernels/machine.ts'
import { ConfigError, doing } from '../../errors.ts'
import { NAMESPACES } from '../../plan/namespaces/namespaces.ts'
import { needsOwn, type SysctlStep, sysctlNamespace } from '../../plan/namespaces/sysctl.ts'
import type { OpenJoin } from '../../rootfs/joinedFilesystems.ts'

/**
 * A namespace that is joined by its path may be the one we are in; a write to its sysctls would change the host. Errors:
 * ConfigError.
 */
export function refuseHostSysctls(
  outside: Kernel<'outside'>,
  steps: readonly SysctlStep[],
  joins: readonly OpenJoin[],
): void {
  const files = steps.flatMap(({ key, path, otherwise = path }) =>
    [...new Set([path, otherwise])].map(path => ({ key, path })),
  )
  for (const { key, path } of files) {
    const namespace = sysctlNamespace(path)
    const join = joins.find(({ type }) => type === namespace)
    if (namespace === undefined || join === undefined) continue
    const { file } = NAMESPACES.find(({ type }) => type === namespace)!
    const own = outside.statx(AT_FDCWD, `/proc/self/ns/${file}`).stat
    if (outside.statx(join.fd, '').stat?.inode !== own?.inode) continue
    throw new ConfigError(`${needsOwn(key, namespace)}; \`${join.path}\` is the host's`, '/linux/sysctl')
  }
}

/**
 * A procfs of our own, attached nowhere: whatever the container mounts over its /proc, what is written here reaches the
 * kernel (CVE-2025-52881).
 */
export function ownProcfs(inside: Kernel<'inside'>): Fd<'inside'> {
  const fs = inside.fsopen('proc').take()
  inside.fsconfigCreate(fs)
  return inside.fsmount(fs, 0).take()
}

/** config.json#/linux/sysctl, written in the container's namespaces. */
export function writeSysctls(inside: Kernel<'inside'>, steps: readonly SysctlStep[]): void {
  if (steps.length === 0) return
  const proc = ownProcfs(inside)
  for (const { key, path, otherwise, value } of steps)
    doing(`sysctl \`${key}\``, () => {
      const hint = { ENOENT: 'this kernel has no such sysctl', EACCES: 'it is read-only in these namespaces' }
      const resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS
      const open = (path: string, instead?: Call['instead']) =>
        inside.openat2(proc, `sys/${path}`, O_WRONLY, resolve, undefined, hint, instead).take()
      const fd = open(path, errno => {
        if (errno !== ENOENT || otherwise === undefined) return undefined
        return { name: 'fcntl', args: [open(otherwise), F_DUPFD_CLOEXEC, 0], subject: `\`${otherwise}\`` }
      })
      inside.writeText(fd, value, `\`${value}\``, {
        EINVAL: key.endsWith('ping_group_range')
          ? 'the kernel takes groups only that the user namespace maps'
          : 'the kernel does not take this value',
      })
    })
}
