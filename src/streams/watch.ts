import type { Poll } from '../../native/host.ts'

/** A descriptor to wait for, which may be another one after `react`, and what to do then. */
export interface Watch {
  readonly poll: Poll
  react(): void
}
