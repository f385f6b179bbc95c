/**
 * Containers from a Node.js program. {@link Runtime} is where it starts.
 *
 * @module
 */
/** What a configuration consists of, by the names that it has there. */
export type * from '../../spec/generated/config.ts'
export type { ListedContainer } from '../container/list.ts'
export type { Difference } from '../container/update.ts'
export type { Deviation } from '../diagnose/drift/comparison.ts'
export type { Drift } from '../diagnose/drift/drift.ts'
export type { InspectedCgroup, InspectedNamespace, InspectedProcess, Inspection } from '../diagnose/inspect.ts'
export type { Finding, Severity } from '../diagnose/finding.ts'
export { ConfigError, Failure, HostError, KernelError, StateError, UsageError } from '../errors.ts'
export type { ContainerEvent } from '../kernel/cgroupEvents.ts'
export type {
  CgroupStats,
  Counters,
  HugetlbStats,
  IoCounters,
  Limit,
  Pressure,
  PressureLine,
} from '../kernel/cgroupStats.ts'
export { AbortError, MaxOutputError, TimeoutError } from '../library/aborted.ts'
export { Container } from '../library/container.ts'
export { type CompleteConfig, defaultConfig } from '../library/defaultConfig.ts'
export type {
  CheckpointOptions,
  CreateOptions,
  Environment,
  ExecOptions,
  ExitResult,
  Output,
  OutputOptions,
  RestoreOptions,
  RunOptions,
  RuntimeOptions,
  Stdio,
  StdioOptions,
  TerminalSize,
  ValidateOptions,
} from '../library/options.ts'
export { Program } from '../library/program.ts'
export { Runtime } from '../library/runtime.ts'
export type { Terminal } from '../library/terminal.ts'
export type { CapabilityChanges } from '../plan/process/execProcess.ts'
export type { CgroupManager } from '../runtime.ts'
export type { ContainerState } from '../state/ociState.ts'
export type { Status } from '../state/record.ts'
