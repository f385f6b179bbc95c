import { AT_FDCWD, O_WRONLY, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from '../../../native/abi/fcntl.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
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
  for (const { key, path } of steps) {
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
  for (const { key, path, value } of steps)
    doing(`sysctl \`${key}\``, () => {
      const hint = { ENOENT: 'this kernel has no such sysctl', EACCES: 'it is read-only in these namespaces' }
      const resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS
      const fd = inside.openat2(proc, `sys/${path}`, O_WRONLY, resolve, undefined, hint).take()
      inside.writeText(fd, value, `\`${value}\``, {
        EINVAL: key.endsWith('ping_group_range')
          ? 'the kernel takes groups only that the user namespace maps'
          : 'the kernel does not take this value',
      })
    })
}
