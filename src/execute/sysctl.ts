import { O_WRONLY, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from '../../native/abi/fcntl.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing } from '../errors.ts'
import type { SysctlStep } from '../plan/sysctl.ts'

/**
 * A procfs of our own, attached nowhere: whatever the container mounts over its /proc, what is written here reaches the
 * kernel (CVE-2025-52881).
 */
export function ownProcfs(inside: Kernel): Fd {
  const fs = inside.fsopen('proc').take()
  inside.fsconfigCreate(fs)
  return inside.fsmount(fs, 0).take()
}

/** config.json#/linux/sysctl, written in the container's namespaces. */
export function writeSysctls(inside: Kernel, steps: readonly SysctlStep[]): void {
  if (steps.length === 0) return
  const proc = ownProcfs(inside)
  for (const { key, path, value } of steps)
    doing(`sysctl \`${key}\``, () => {
      const hint = { ENOENT: 'this kernel has no such sysctl', EACCES: 'it is read-only in these namespaces' }
      const resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS
      const fd = inside.openat2(proc, `sys/${path}`, O_WRONLY, resolve, undefined, hint).take()
      inside.writeText(fd, value, `\`${value}\``, { EINVAL: 'the kernel does not take this value' })
    })
}
