import type { WindowSize } from '../../../native/calls/terminal.ts'
import type { Process } from '../../../spec/generated/config.ts'

/** The terminal that a process gets; see config.md#process, `terminal` and `consoleSize`. */
export interface TerminalPlan {
  /** Its first size; the kernel's, 0 x 0, without one. */
  readonly size: WindowSize | undefined
}

/** Undefined without `terminal`, and then `consoleSize` says nothing. */
export function planTerminal({ terminal, consoleSize }: Process): TerminalPlan | undefined {
  if (!terminal) return undefined
  return { size: consoleSize && { rows: consoleSize.height, columns: consoleSize.width } }
}
