import { EINVAL, ENOENT } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_PATH } from '../../native/abi/fcntl.ts'
import { MNT_DETACH } from '../../native/abi/mount.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { type MountRow, parseMountinfo } from '../kernel/mountinfo.ts'
import { pathOf, trustedProcfs } from './procfs.ts'

const KERNEL_FILE_SYSTEMS = ['proc', 'sysfs']

/**
 * Takes the host's procfs and sysfs out of the container's mount namespace, before a root that is moved instead of pivoted
 * covers them. The kernel lets a user namespace mount a new one as long as the mount namespace has one without masks, even
 * where nobody can see it: a container could make itself an unmasked /proc.
 */
export function hideHostKernel(inside: Kernel<'inside'>, root: Fd<'inside'>): void {
  const procfs = trustedProcfs(inside, 'the mounts of the host can not be taken away')
  const rows = parseMountinfo(decode(inside.readFile(procfs, 'thread-self/mountinfo')))
  const own = mountOf(inside, procfs, root)
  const hosts = rows.filter(row => row.root === '/' && KERNEL_FILE_SYSTEMS.includes(row.type) && !isIn(rows, row, own))
  const covered = new Set<string>()
  // The upper one of two in the same place comes first.
  for (const { id, target } of hosts.reverse()) {
    if (covered.has(target)) continue
    using place = inside.openat(AT_FDCWD, target, O_PATH, 0, [ENOENT])
    // Something else that lies over it, or has taken its name, stays.
    if (!place.exists || mountOf(inside, procfs, place) !== id || detach(inside, procfs, place)) continue
    cover(inside, place)
    covered.add(target)
  }
  inside.fchdir(root)
}

/** The number that mountinfo has for the mount of a descriptor. */
function mountOf(inside: Kernel<'inside'>, procfs: Fd<'inside'>, fd: Fd<'inside'>): number {
  if (!inside.lacking.has('statx')) return Number(inside.mountOf(fd).id)
  const info = decode(inside.readFile(procfs, `thread-self/fdinfo/${fd.number}`))
  return Number(/^mnt_id:\s*(\d+)$/m.exec(info)?.[1])
}

/** Is it this mount, or below it? */
function isIn(rows: readonly MountRow[], row: MountRow, mount: number): boolean {
  const parents = new Map(rows.map(({ id, parent }) => [id, parent]))
  for (let at: number | undefined = row.id; at !== undefined; at = parents.get(at) === at ? undefined : parents.get(at))
    if (at === mount) return true
  return false
}

/** False for what a user namespace has inherited, which it can not unmount. */
function detach(inside: Kernel<'inside'>, procfs: Fd<'inside'>, place: Fd<'inside'>): boolean {
  inside.fchdir(procfs) // umount2(2) takes a path only
  const args = [pathOf(place), MNT_DETACH]
  return inside.now({ name: 'umount2', args, subject: `\`${place.subject}\``, tolerate: [EINVAL] }) >= 0
}

/** Covered it counts as masked. */
function cover(inside: Kernel<'inside'>, place: Fd<'inside'>): void {
  const fs = inside.fsopen('tmpfs')
  inside.fsconfigCreate(fs)
  inside.moveMount(inside.fsmount(fs, 0), place)
}
