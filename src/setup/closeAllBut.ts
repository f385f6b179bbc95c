import type { Executor } from '../../native/executor/launch.ts'

const LAST_FD = 0xffff_ffff

/** The executor's descriptors of the host go, all but its control socket and `kept`, which are numbers in the executor. */
export function closeAllBut({ kernel: inside, controlNumber }: Executor, kept: readonly number[]): void {
  let next = controlNumber - 1
  for (const fd of [controlNumber, ...kept].sort((a, b) => a - b)) {
    if (fd > next) inside.closeRange(next, fd - 1, 0)
    next = fd + 1
  }
  inside.closeRange(next, LAST_FD, 0)
}
