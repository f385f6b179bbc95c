import type { Config } from '../../../spec/generated/config.ts'
import type { ContainerPlan } from '../../plan/container.ts'
import type { Runtime } from '../../runtime.ts'
import type { ContainerRecord } from '../../state/record.ts'
import type { Inspection } from '../inspect.ts'

/** One thing that is not as it was asked for. */
export interface Deviation {
  /** Who asks for it: a JSON pointer into config.json. */
  readonly pointer: string
  /** What differs: a file of the cgroup, a mount, a set of capabilities. */
  readonly what: string
  readonly expected: string
  readonly found: string
  /** A program may do that to itself. */
  readonly note?: true
}

/** All that a comparison looks at. */
export interface Comparison {
  readonly runtime: Runtime
  readonly record: ContainerRecord
  readonly config: Config
  readonly plan: ContainerPlan
  readonly now: Inspection
  /** The program runs: before that the first process has what it needs for the rest of its way. */
  readonly started: boolean
}
