import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { isErrno } from '../errors.ts'

// A cgroup below a threaded one takes no processes before it is threaded itself: "Threads" of cgroup-v2.rst.

/** The root of the tree has no type. */
function typeOf(outside: Kernel<'outside'>, directory: string): string | undefined {
  return outside.readTextIfAny(AT_FDCWD, `${directory}/cgroup.type`)?.trim()
}

/** Do cgroups that are made in this one have to become threaded? */
export function makesThreaded(outside: Kernel<'outside'>, directory: string): boolean {
  return (typeOf(outside, directory) ?? 'domain') !== 'domain'
}

/** Makes a cgroup usable that was made below a threaded one, and those above it first; the others stay as they are. */
export function makeThreaded(outside: Kernel<'outside'>, mount: string, directory: string): void {
  if (directory === mount || typeOf(outside, directory) !== 'domain invalid') return
  makeThreaded(outside, mount, directory.slice(0, directory.lastIndexOf('/')))
  outside.writeControl(AT_FDCWD, `${directory}/cgroup.type`, 'threaded')
}

/** The processes that these threads are of. */
export function processesOf(outside: Kernel<'outside'>, threads: readonly number[]): number[] {
  const pids = threads.flatMap(thread => {
    const pid = /^Tgid:\s*(\d+)$/m.exec(statusOf(outside, thread))?.[1]
    return pid === undefined ? [] : [Number(pid)]
  })
  return [...new Set(pids)]
}

/** Empty when it has ended, also between open and read. */
function statusOf(outside: Kernel<'outside'>, thread: number): string {
  try {
    return outside.readTextIfAny(AT_FDCWD, `/proc/${thread}/status`) ?? ''
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return ''
    throw error
  }
}
