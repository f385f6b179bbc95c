import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import { MS_SLAVE } from '../../native/abi/mount.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import type { ContainerPlan } from '../plan/container.ts'
import { isOwn } from '../plan/namespaces.ts'
import type { Runtime } from '../runtime.ts'
import { parseMountinfo } from '../state/mountinfo.ts'

const KERNEL_FILE_SYSTEMS = ['proc', 'sysfs']

/**
 * Takes the host's procfs and sysfs out of the container's mount namespace, before a root that is moved instead of pivoted
 * covers them. The kernel lets a user namespace mount a new one as long as the mount namespace has one without masks, even
 * where nobody can see it: a container could make itself an unmasked /proc.
 */
export function hideHostKernel({ outside }: Runtime, inside: Kernel, { rootfs, namespaces }: ContainerPlan): void {
  const rows = parseMountinfo(decode(outside.readFile(AT_FDCWD, '/proc/self/mountinfo')))
  const whole = rows.filter(({ type, root, target }) => {
    const host = !`${target}/`.startsWith(`${rootfs}/`) // what is there now is the container's
    return host && root === '/' && KERNEL_FILE_SYSTEMS.includes(type)
  })
  // The upper one of two in the same place comes first.
  for (const { target, parent } of whole.reverse()) {
    if (isOwn(namespaces, 'user')) {
      cover(inside, target)
      continue
    }
    // An unmount goes to the peers of the mount that it is in.
    const above = rows.find(({ id }) => id === parent)?.target ?? '/'
    inside.now({ name: 'mount', args: [null, above, null, MS_SLAVE, null], tolerate: 'any' })
    inside.detach(target, 'any')
  }
}

/** A new user namespace can not unmount what it has inherited, but what is covered counts as masked. */
function cover(inside: Kernel, target: string): void {
  const fs = inside.fsopen('tmpfs')
  inside.fsconfigCreate(fs)
  inside.moveMountToPath(inside.fsmount(fs, 0), target)
}
