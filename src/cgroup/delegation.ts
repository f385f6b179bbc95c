// Cgroups that belong to a user: found, for a runtime without privileges, and given away, to a container that manages its own.

import { EACCES, ENOENT, EPERM, EROFS } from '../../native/abi/errno.ts'
import { AT_FDCWD, W_OK } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing } from '../errors.ts'
import { type IdMapping, toHostId } from '../plan/namespaces/idMappings.ts'
import type { LimitSite } from './limits.ts'

/** May we make directories in this cgroup and put processes there? */
export function isOurs(outside: Kernel<'outside'>, directory: string): boolean {
  const tolerate = [EACCES, EPERM, EROFS, ENOENT]
  return [directory, `${directory}/cgroup.procs`].every(
    path => outside.now({ name: 'faccessat', args: [AT_FDCWD, path, W_OK], subject: `\`${path}\``, tolerate }) >= 0,
  )
}

/**
 * The highest of our own cgroup and those above it that is delegated to us, as a path below the mount point: from there
 * down we may limit what we start. Undefined when none is. See "Delegation" of cgroup-v2.rst.
 */
export function delegatedCgroup(outside: Kernel<'outside'>, mount: string): string | undefined {
  const own = /^0::(\/.*)$/m.exec(outside.readTextIfAny(AT_FDCWD, '/proc/self/cgroup') ?? '')?.[1]
  if (own === undefined) return undefined
  const names = own.split('/').filter(Boolean)
  const paths = names.map((_, i) => `/${names.slice(0, i + 1).join('/')}`)
  return ['', ...paths].find(path => isOurs(outside, `${mount}${path}`))
}

/** What the kernel wants a cgroup's new owner to get, if it does not say so itself (config-linux.md, Cgroup ownership). */
const DELEGATED_FILES = ['cgroup.procs', 'cgroup.subtree_control', 'cgroup.threads']

/**
 * Makes the user `uid` of the container of process `pid` the owner of its cgroup and of the files in it that let it manage
 * cgroups below; its limits stay ours. A runtime without privileges may not give away, and mostly need not.
 */
export function giveCgroupAway(
  outside: Kernel<'outside'>,
  { parent, name }: LimitSite,
  pid: number,
  uid: number,
  rootless: boolean,
): void {
  const owner = toHostId(idMap(outside, pid), uid)
  if (owner === undefined) return
  const listed = outside.readTextIfAny(AT_FDCWD, '/sys/kernel/cgroup/delegate')
  const files = listed === undefined ? DELEGATED_FILES : listed.split('\n').filter(Boolean)
  // Not every cgroup has all of the files.
  const tolerate = rootless ? [ENOENT, EPERM] : [ENOENT]
  doing('give the cgroup to the container', () => {
    for (const path of [name, ...files.map(file => `${name}/${file}`)])
      outside.fchownat(parent, path, owner, NO_CHANGE, tolerate)
  })
}

/** For chown(2): leave the group as it is. */
const NO_CHANGE = -1

/** /proc/PID/uid_map with our own ids on the right side, see user_namespaces(7). */
function idMap(outside: Kernel<'outside'>, pid: number): IdMapping[] {
  const text = outside.readTextIfAny(AT_FDCWD, `/proc/${pid}/uid_map`) ?? ''
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => {
      const [containerID, hostID, size] = line.trim().split(/\s+/).map(Number)
      return { containerID: containerID!, hostID: hostID!, size: size! }
    })
}
