import type { Poll } from '../../native/host.ts'

/** A descriptor to wait for, and what to do then. */
export interface Watch {
  readonly poll: Poll
  readonly react: () => void
}
