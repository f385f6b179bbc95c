/**
 * Containers from a Node.js program. {@link Runtime} is where it starts.
 *
 * @module
 */
/** What a configuration consists of, by the names that it has there. */
export type * from '../../spec/generated/config.ts'
export { ConfigError, Failure, HostError, KernelError, StateError, UsageError } from '../errors.ts'
export type { ListedContainer } from '../execute/list.ts'
export type { ContainerState } from '../execute/state.ts'
export type { Difference } from '../execute/update.ts'
export { Container } from '../library/container.ts'
export { type CompleteConfig, defaultConfig } from '../library/defaultConfig.ts'
export type {
  CreateOptions,
  ExecOptions,
  ExitResult,
  Output,
  RunOptions,
  RuntimeOptions,
  Stdio,
  StdioOptions,
} from '../library/options.ts'
export { Program } from '../library/program.ts'
export { Runtime } from '../library/runtime.ts'
export type { CapabilityChanges } from '../plan/execProcess.ts'
export type { CgroupManager } from '../runtime.ts'
export type { ContainerEvent } from '../state/cgroupEvents.ts'
export type {
  CgroupStats,
  Counters,
  HugetlbStats,
  IoCounters,
  Limit,
  Pressure,
  PressureLine,
} from '../state/cgroupStats.ts'
export type { Status } from '../state/record.ts'
