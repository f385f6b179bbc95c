import { POLLIN } from '../../native/abi/socket.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Runtime } from '../runtime.ts'
import type { ContainerRecord } from '../state/record.ts'
import { processStat, zombieStatus } from '../state/status.ts'
import { openContainer } from '../state/store.ts'

/** A container's first process, undefined when that is gone, and what the record says of it. */
export interface Init {
  readonly record: ContainerRecord
  readonly pidfd: Fd<'outside'> | undefined
}

/** Finds the first process of a container, which itself is not kept open. Errors: StateError when there is none. */
export function openInit({ outside, root }: Runtime, id: string): Init {
  using container = openContainer(outside, root, id, false)
  const record = container.established
  const pidfd = outside.pidfdOpen(record.pid)
  // The pidfd is held before we compare start times, so the process can't be another one afterwards.
  if (pidfd.exists && processStat(outside, record.pid)?.startTime === record.startTime) return { record, pidfd }
  pidfd.close()
  return { record, pidfd: undefined }
}

/**
 * Waits until the process has ended, and resolves to its exit code, 128 + n after a signal n. Undefined when that is not
 * to be known any more: only a parent is sure to hear of it, all others have to look while the process is a zombie, or,
 * since Linux 6.15, have opened its pidfd before it was gone.
 */
export async function awaitEnd({ host, outside }: Runtime, { record, pidfd }: Init): Promise<number | undefined> {
  using _ = pidfd
  if (pidfd !== undefined) await host.poll([{ fd: pidfd.number, events: POLLIN }], -1)
  return exitCode(outside, record, pidfd)
}

/** How a container's first process ended, as far as it can be told; see awaitEnd(). */
export function exitCode(
  outside: Kernel<'outside'>,
  record: ContainerRecord,
  pidfd: Fd<'outside'> | undefined,
): number | undefined {
  const status = exitStatus(outside, record, pidfd)
  return status === undefined ? record.exitCode : codeOf(status)
}

/** The same in the form of wait(2), as far as the kernel tells it. */
export function exitStatus(
  outside: Kernel<'outside'>,
  record: ContainerRecord,
  pidfd: Fd<'outside'> | undefined,
): number | undefined {
  return zombieStatus(outside, record) ?? (pidfd && outside.exitStatus(pidfd))
}

/** The exit code of a shell for a status in the form of wait(2). */
function codeOf(status: number): number {
  const signal = status & 0x7f
  return signal === 0 ? (status >> 8) & 0xff : 128 + signal
}
