import { EINVAL, ENOENT } from '../../native/abi/errno.ts'
import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import { MNT_DETACH } from '../../native/abi/mount.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { Runtime } from '../runtime.ts'
import { parseMountinfo } from '../state/mountinfo.ts'

const KERNEL_FILE_SYSTEMS = ['proc', 'sysfs']

/**
 * Takes the host's procfs and sysfs out of the container's mount namespace, before a root that is moved instead of pivoted
 * covers them. The kernel lets a user namespace mount a new one as long as the mount namespace has one without masks, even
 * where nobody can see it: a container could make itself an unmasked /proc.
 */
export function hideHostKernel({ outside }: Runtime, inside: Kernel, { rootfs }: ContainerPlan): void {
  const rows = parseMountinfo(decode(outside.readFile(AT_FDCWD, '/proc/self/mountinfo')))
  const hosts = rows.filter(({ type, root, target }) => {
    const isHosts = !`${target}/`.startsWith(`${rootfs}/`) // what is mounted there now is the container's
    return isHosts && root === '/' && KERNEL_FILE_SYSTEMS.includes(type)
  })
  const covered = new Set<string>()
  // The upper one of two in the same place comes first.
  for (const { target } of hosts.reverse()) {
    if (covered.has(target)) continue
    const args = [target, MNT_DETACH]
    const result = inside.now({ name: 'umount2', args, subject: `\`${target}\``, tolerate: [EINVAL, ENOENT] })
    if (result !== -EINVAL) continue
    cover(inside, target)
    covered.add(target)
  }
}

/** What a user namespace has inherited it can not unmount. Covered it counts as masked. */
function cover(inside: Kernel, target: string): void {
  const fs = inside.fsopen('tmpfs')
  inside.fsconfigCreate(fs)
  inside.moveMountToPath(inside.fsmount(fs, 0), target)
}
