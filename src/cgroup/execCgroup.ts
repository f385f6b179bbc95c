import {
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../../native/abi/fcntl.ts'
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
} from '../../native/abi/mount.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing, HostError } from '../errors.ts'
import type { ContainerRecord } from '../state/record.ts'
import { cgroupMount, cgroupOfProcess } from './cgroup.ts'

/** To be born in a cgroup takes its directory, and rights on the file system, none on the mount. */
const ONLY_A_NAME = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC

const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV

/**
 * The cgroup for another process of the container: the one below the container's that `wanted` names, else the container's
 * own. When that takes no processes, as it hands on controllers to cgroups below, or is gone, it is the one in which the
 * first process is. Undefined for a container without a cgroup: the process stays in ours.
 *
 * A privileged caller gets it as a mount of its own, attached nowhere and read-only: the process that is born there has it
 * for an instant, and by it nobody gets to the tree of the host, nor to what is read-only in the container.
 */
export function openExecCgroup(
  outside: Kernel<'outside'>,
  record: ContainerRecord,
  wanted: string | undefined,
  privileged: boolean,
): Fd<'outside'> | undefined {
  const place = findCgroup(outside, record, wanted)
  if (place === undefined) return undefined
  if (!privileged) return typeof place === 'string' ? openDirectory(outside, place) : place
  const tree = cloneOf(outside, place)
  try {
    outside.mountSetattr(tree, false, { set: ONLY_A_NAME, propagation: MS_PRIVATE })
    return tree
  } catch (error) {
    tree.close()
    throw error
  }
}

function cloneOf(outside: Kernel<'outside'>, place: Fd<'outside'> | string): Fd<'outside'> {
  if (typeof place === 'string') return outside.openTree(AT_FDCWD, place, false)
  using directory = place
  return outside.openTree(directory, '', false)
}

function findCgroup(
  outside: Kernel<'outside'>,
  record: ContainerRecord,
  wanted: string | undefined,
): Fd<'outside'> | string | undefined {
  const { cgroup, pid } = record
  if (cgroup === undefined) {
    if (wanted === undefined) return undefined
    throw new HostError('the container has no cgroup, so there is none in it for --cgroup')
  }
  if (wanted !== undefined) return openBelow(outside, cgroup, wanted)
  return takesProcesses(outside, cgroup) ? cgroup : currentCgroup(outside, pid)
}

function openDirectory(outside: Kernel<'outside'>, path: string): Fd<'outside'> {
  return outside.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY)
}

/** An absolute path means the same as a relative one. The kernel refuses to leave the container's cgroup. */
function openBelow(outside: Kernel<'outside'>, cgroup: string, path: string): Fd<'outside'> {
  return doing(`bad sub cgroup path \`${path}\``, () => {
    using top = openDirectory(outside, cgroup)
    const relative = path.replace(/^\/+/, '') || '.'
    const hint = {
      EXDEV: 'it leads out of the cgroup of the container',
      ENOENT: 'there is no such cgroup in that of the container',
    }
    return outside.openat2(top, relative, O_PATH | O_DIRECTORY, BENEATH, undefined, hint)
  })
}

/** "No Internal Process Constraint" of cgroup-v2.rst. */
function takesProcesses(outside: Kernel<'outside'>, cgroup: string): boolean {
  return outside.readTextIfAny(AT_FDCWD, `${cgroup}/cgroup.subtree_control`)?.trim() === ''
}

function currentCgroup(outside: Kernel<'outside'>, pid: number): string {
  const relative = cgroupOfProcess(outside, pid)
  const mount = cgroupMount(outside)
  if (relative === undefined || mount === undefined)
    throw new HostError(`the cgroup of process ${pid} can not be found`)
  return `${mount}${relative}`
}
