import { CLOCK_MONOTONIC, CLOCK_REALTIME } from '../../native/abi/time.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Instant } from '../../native/kernels/tracedExecutor.ts'
import { get64, Out } from '../../native/struct.ts'

/** Time as a trace has it. */
export interface Clock {
  /** Nanoseconds since the clock was made. */
  now(): number
  /** What CLOCK_REALTIME said then. */
  readonly beginning: Instant
}

/** A clock that begins now. `kernel` should not be traced itself. */
export function startClock(kernel: Kernel): Clock {
  const monotonic = () => kernel.clock(CLOCK_MONOTONIC)
  const time = new Out(16)
  monotonic() // the first call takes longer
  const before = monotonic()
  kernel.now({ name: 'clock_gettime', args: [CLOCK_REALTIME, time] })
  const zero = (before + monotonic()) / 2
  const beginning = { seconds: get64(time.view, 0), nanoseconds: get64(time.view, 8) }
  return { now: () => Math.max(0, Math.round(monotonic() - zero)), beginning }
}
