import { O_NOCTTY, O_RDWR, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS } from '../../native/abi/fcntl.ts'
import { S_IFCHR, S_IFMT } from '../../native/abi/stat.ts'
import { deviceNumber, type Stat } from '../../native/calls/stat.ts'
import { type Fd, STDIO } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { KernelError } from '../errors.ts'
import type { ContainerRoot } from '../rootfs/containerRoot.ts'

const NULL = { major: 1, minor: 3 }
const WAY = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS

/**
 * A standard stream that is the null device leads to that of the host, whose mode and times the root of a container could
 * change by it: fchmod(0). So the executor gets the container's own instead, as in runc and crun. That may be anything, if
 * somebody has exchanged it, so it is looked at, and then a new one is made; where that can not be, streams stay as they are.
 * `stdio` are the streams as this process has them. What it returns waits for the kernel's answer, and gives what records the
 * change.
 */
export function takeOwnNull(
  { inside, fd: root }: ContainerRoot,
  outside: Kernel<'outside'>,
  stdio: readonly number[] = STDIO,
): () => () => void {
  const streams = STDIO.filter(stream => isNull(outside.statx(stdio[stream]!, '', 0, 'any').stat))
  if (streams.length === 0) return () => () => {}
  const own = inside.openat2(root, 'dev/null', O_RDWR | O_NOCTTY, WAY, 'any').take()
  const opened = inside.statx(own, '', 0, 'any')
  return () => {
    const device = isNull(opened.stat) ? own : newNull(inside)
    if (device === undefined) return () => {}
    return () => {
      for (const stream of streams) inside.dup3(device, stream, 0)
    }
  }
}

function isNull(stat: Stat | undefined): boolean {
  return (
    stat !== undefined &&
    (stat.mode & S_IFMT) === S_IFCHR &&
    stat.rdevMajor === NULL.major &&
    stat.rdevMinor === NULL.minor
  )
}

/**
 * In a file system that is attached nowhere. Undefined in a user namespace, whose mounts have no devices (there nobody changes
 * what root of the host owns), and where a filter around this process denies what it takes.
 */
function newNull(inside: Kernel<'inside'>): Fd<'inside'> | undefined {
  try {
    const fs = inside.fsopen('tmpfs').take()
    inside.fsconfigCreate(fs)
    const mount = inside.fsmount(fs, 0).take()
    inside.mknodat(mount, 'null', S_IFCHR | 0o666, deviceNumber(NULL.major, NULL.minor))
    const device = inside.openat(mount, 'null', O_RDWR | O_NOCTTY).take()
    inside.flush()
    return device
  } catch (error) {
    if (!(error instanceof KernelError)) throw error
    return undefined
  }
}
