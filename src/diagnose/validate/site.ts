import type { Config } from '../../../spec/generated/config.ts'
import type { ContainerPlan } from '../../plan/container.ts'
import type { Runtime } from '../../runtime.ts'
import type { Finding, Severity } from '../finding.ts'
import type { ContainerView } from './view.ts'

/** A bundle on its host, for those who look whether the two fit. */
export interface Site {
  readonly runtime: Runtime
  readonly bundle: string
  /** What is left of the configuration without its faults. */
  readonly config: Config
  readonly plan: ContainerPlan
  readonly view: ContainerView
  /** Is a capability in effect here? */
  has(capability: number): boolean
  /** A finding about a place of `config`. */
  tell(severity: Severity, pointer: string, message: string, hint?: string): Finding
}

/** Looks for one kind of misfit. */
export type HostCheck = (site: Site) => Iterable<Finding>
