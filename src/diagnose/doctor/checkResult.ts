import type { Host } from '../../../native/host.ts'
import type { Kernel } from '../../../native/kernel.ts'
import type { MountRow } from '../../kernel/mountinfo.ts'
import type { Runtime } from '../../runtime.ts'

/** `warning`: something will not work; `problem`: no container will. */
export type CheckLevel = 'ok' | 'warning' | 'problem'

/** What is known about one thing that containers need. */
export interface CheckResult {
  readonly area: string
  readonly level: CheckLevel
  /** One sentence. */
  readonly text: string
  /** What to do about it; there for everything that is not ok. */
  readonly fix?: string
}

/** What the checks look at. */
export interface Facts {
  readonly runtime: Runtime
  readonly host: Host
  readonly outside: Kernel<'outside'>
  readonly rootless: boolean
  /** Capabilities that are in effect, as a mask. */
  readonly capabilities: bigint
  readonly mounts: readonly MountRow[]
}

export type DoctorCheck = (facts: Facts) => readonly CheckResult[]

export const ok = (area: string, text: string): CheckResult => ({ area, level: 'ok', text })

export const warning = (area: string, text: string, fix: string): CheckResult => ({ area, level: 'warning', text, fix })

export const problem = (area: string, text: string, fix: string): CheckResult => ({ area, level: 'problem', text, fix })
