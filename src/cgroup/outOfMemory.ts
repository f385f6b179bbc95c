import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { Failure, HostError } from '../errors.ts'
import { parseCounters } from '../kernel/cgroupStats.ts'
import type { CgroupSite } from './cgroup.ts'

/** How many processes of a cgroup the kernel has killed for lack of memory; see memory.events in cgroup-v2.rst. */
function oomKills(outside: Kernel<'outside'>, cgroup: string): number {
  return parseCounters(outside.readTextIfAny(AT_FDCWD, `${cgroup}/memory.events`) ?? '')['oom_kill'] ?? 0
}

/** The limit of a cgroup in words; an empty text when it has none of its own. */
function limitOf(outside: Kernel<'outside'>, cgroup: string): string {
  const limit = outside.readTextIfAny(AT_FDCWD, `${cgroup}/memory.max`)?.trim() ?? 'max'
  return limit === 'max' ? '' : `; the limit is ${limit} bytes (linux.resources.memory.limit)`
}

/**
 * What to tell when something in a container was killed and the kernel did it; undefined when it did not, or when nobody
 * knows any more: it explains and is no reason to fail.
 */
export function outOfMemory(outside: Kernel<'outside'>, cgroup: string): string | undefined {
  try {
    const kills = oomKills(outside, cgroup)
    if (kills === 0) return undefined
    const what = kills === 1 ? 'a process was' : `${kills} processes were`
    return `out of memory: ${what} killed by the kernel${limitOf(outside, cgroup)}`
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    return undefined
  }
}

/** A failure to create a container, told as lack of memory if that was behind it. The cgroup must still be there. */
export function explainedByMemory(
  outside: Kernel<'outside'>,
  cgroup: CgroupSite | undefined,
  failure: unknown,
): unknown {
  // Systemd's has gone with its last process.
  if (cgroup?.owned === undefined || !(failure instanceof Failure)) return failure
  const reason = outOfMemory(outside, cgroup.path)
  if (reason === undefined) return failure
  const explained = new HostError(reason)
  explained.cleanup.push(failure)
  return explained
}
