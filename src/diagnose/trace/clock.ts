import { CLOCK_MONOTONIC, CLOCK_REALTIME } from '../../../native/abi/time.ts'
import { callNumbers } from '../../../native/arch/numbers.ts'
import type { Host } from '../../../native/host.ts'
import type { Instant } from '../../../native/kernels/tracedExecutor.ts'
import { get64 } from '../../../native/struct.ts'

/** Time as a trace has it. */
export interface Clock {
  /** Nanoseconds since the clock was made. */
  now(): number
  /** What CLOCK_REALTIME said then. */
  readonly beginning: Instant
}

/**
 * A clock that begins now. It is looked at twice for every call, so it does nothing but clock_gettime(2): what it takes is
 * taken for the time of others.
 */
export function startClock(host: Host): Clock {
  const { view, address } = host.allocate(16)
  const number = callNumbers[host.arch].clock_gettime
  const read = (clock: number) => void host.syscall(number, [clock, address])
  const monotonic = () => {
    read(CLOCK_MONOTONIC)
    return get64(view, 0) * 1e9 + get64(view, 8)
  }
  monotonic() // the first call takes longer
  const before = monotonic()
  read(CLOCK_REALTIME)
  const beginning = { seconds: get64(view, 0), nanoseconds: get64(view, 8) }
  const zero = Math.floor((before + monotonic()) / 2)
  return { now: () => Math.max(0, monotonic() - zero), beginning }
}
