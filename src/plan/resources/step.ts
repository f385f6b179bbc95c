import type { Int64, Uint64 } from '../../../spec/generated/config.ts'

/** One value for one file of the container's cgroup. */
export interface LimitStep {
  /** The file's name, `memory.max`. */
  readonly file: string
  /** What is written, as the kernel wants it. */
  readonly value: string
  /** Who asks for it: a JSON pointer into config.json. */
  readonly pointer: string
  /** A new cgroup has this value, so there is nothing to do there; one that exists already is set back to it. */
  readonly initial?: boolean | undefined
  /** Where the kernel does not have the file: go without, or write this one instead. Absent: that is an error. */
  readonly otherwise?: 'skip' | LimitStep | undefined
}

/** The controller that a file belongs to; undefined for files that every cgroup has, such as `cgroup.max.depth`. */
export function controllerOf(file: string): string | undefined {
  const prefix = file.slice(0, file.indexOf('.'))
  // Pressure is measured whether the controller is enabled or not, see cgroup-v2.rst on *.pressure.
  return prefix === 'cgroup' || file.endsWith('.pressure') ? undefined : prefix
}

/** Is this a limit? Absent and 0 ask for nothing, negative is "no limit"; engines send all three. */
export function isPositive(value: Int64 | Uint64 | undefined): value is Int64 {
  return value !== undefined && value > 0
}

/** Is this "no limit", said aloud? */
export function isUnlimited(value: Int64 | undefined): boolean {
  return value !== undefined && value < 0
}
