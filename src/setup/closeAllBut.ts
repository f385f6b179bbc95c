import type { Executor } from '../../native/executor/launch.ts'
import type { Fd } from '../../native/fd.ts'

const LAST_FD = 0xffff_ffff

/** The executor's descriptors of the host go, all but its control socket and `kept`. */
export function closeAllBut({ kernel: inside, controlNumber }: Executor, kept: readonly Fd<'inside'>[]): void {
  let next = controlNumber - 1
  for (const fd of [controlNumber, ...kept.map(({ number }) => number)].sort((a, b) => a - b)) {
    if (fd > next) inside.closeRange(next, fd - 1, 0)
    next = fd + 1
  }
  inside.closeRange(next, LAST_FD, 0)
}
