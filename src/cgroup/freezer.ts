import { O_RDONLY, O_WRONLY } from '../../native/abi/fcntl.ts'
import { POLLPRI } from '../../native/abi/socket.ts'
import { CLOCK_MONOTONIC } from '../../native/abi/time.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { Failure, HostError } from '../errors.ts'
import { openCgroupFile } from '../kernel/cgroupAccess.ts'
import { processStat } from '../state/status.ts'
import { pidsOfTree } from './cgroup.ts'

/** A process that waits in the kernel, for a disk say, stops when that is over. */
const FREEZE_MS = 10_000
/** To let go takes no waiting; it is in vain when a cgroup above is frozen. */
const THAW_MS = 1_000

/**
 * Stops every process of a cgroup and of those below it, and returns when they stand still; see cgroup.freeze in
 * cgroup-v2.rst. Errors: HostError when one of them does not; then all go on.
 */
export function freezeCgroup(outside: Kernel<'outside'>, cgroup: string): void {
  writeFreeze(outside, cgroup, '1')
  try {
    if (!awaitFrozen(outside, cgroup, true, FREEZE_MS))
      throw new HostError(`its processes do not stop within ${FREEZE_MS / 1000} s${stuckOnes(outside, cgroup)}`)
  } catch (error) {
    letGo(outside, cgroup, error)
    throw error
  }
}

/** Lets the processes go on. Errors: HostError when a cgroup above keeps them from it. */
export function thawCgroup(outside: Kernel<'outside'>, cgroup: string): void {
  writeFreeze(outside, cgroup, '0')
  if (!awaitFrozen(outside, cgroup, false, THAW_MS))
    throw new HostError(`\`${cgroup}\` stays frozen: a cgroup above it is frozen, too; thaw that one first`)
}

function writeFreeze(outside: Kernel<'outside'>, cgroup: string, value: '0' | '1'): void {
  using file = openCgroupFile(outside, cgroup, 'cgroup.freeze', O_WRONLY, [])
  outside.writeText(file, value, `\`${value}\` to \`${cgroup}/cgroup.freeze\``)
}

function letGo(outside: Kernel<'outside'>, cgroup: string, error: unknown): void {
  try {
    writeFreeze(outside, cgroup, '0')
  } catch (second) {
    if (error instanceof Failure && second instanceof Failure) error.cleanup.push(second)
  }
}

/** Waits until cgroup.events says so; false when the time is over. The kernel wakes who polls when the file changes. */
function awaitFrozen(outside: Kernel<'outside'>, cgroup: string, wanted: boolean, milliseconds: number): boolean {
  using events = openCgroupFile(outside, cgroup, 'cgroup.events', O_RDONLY, [])
  const deadline = outside.clock(CLOCK_MONOTONIC) + milliseconds * 1e6
  for (;;) {
    outside.rewind(events)
    if (/^frozen 1$/m.test(decode(outside.readAll(events))) === wanted) return true
    const left = (deadline - outside.clock(CLOCK_MONOTONIC)) / 1e6
    if (left <= 0) return false
    outside.poll([{ fd: events, events: POLLPRI }], left)
  }
}

/** Who is to blame, for the message. */
function stuckOnes(outside: Kernel<'outside'>, cgroup: string): string {
  const stuck = pidsOfTree(outside, cgroup).filter(pid => processStat(outside, pid)?.state === 'D')
  return stuck.length === 0 ? '' : `; stuck in the kernel: ${stuck.join(', ')}`
}
