import type { Process } from '../../../spec/generated/config.ts'
import { variable } from '../../host/environment.ts'
import { type LabelPlan, planLabels } from '../mounts/labels.ts'
import { type CapabilityPlan, planCapabilities } from './capabilities.ts'
import { planRlimits, type RlimitStep } from './rlimits.ts'
import { planScheduling, type SchedulingPlan } from './scheduling.ts'
import { planTerminal, type TerminalPlan } from './terminal.ts'

/** What becomes of the first process; see config.md#process. */
export interface ProcessPlan extends LabelPlan, SchedulingPlan {
  readonly args: readonly string[]
  readonly env: readonly string[]
  readonly cwd: string
  readonly uid: number
  readonly gid: number
  readonly umask: number
  readonly additionalGids: readonly number[]
  readonly capabilities: CapabilityPlan
  readonly rlimits: readonly RlimitStep[]
  readonly noNewPrivileges: boolean
  readonly oomScoreAdj: number | undefined
  /** A terminal of its own; undefined when it gets the caller's standard streams. */
  readonly terminal: TerminalPlan | undefined
}

export const DEFAULT_UMASK = 0o022

/** `pointer` is where the process stands in its document, for messages. */
export function planProcess(process: Process, listenFds: number, pointer = '/process'): ProcessPlan {
  return {
    args: process.args ?? [],
    env: environment(process.env ?? [], listenFds),
    cwd: process.cwd,
    uid: process.user?.uid ?? 0,
    gid: process.user?.gid ?? 0,
    umask: process.user?.umask ?? DEFAULT_UMASK,
    additionalGids: process.user?.additionalGids ?? [],
    capabilities: planCapabilities(process.capabilities, `${pointer}/capabilities`),
    rlimits: planRlimits(process.rlimits ?? [], `${pointer}/rlimits`),
    noNewPrivileges: process.noNewPrivileges ?? false,
    oomScoreAdj: process.oomScoreAdj,
    terminal: planTerminal(process),
    ...planLabels(process),
    ...planScheduling(process, pointer),
  }
}

/** The last of several values for a variable counts, as in runc. */
function environment(env: readonly string[], listenFds: number): string[] {
  const variables = new Map<string, string>()
  for (const entry of env) variables.set(entry.slice(0, entry.indexOf('=')), entry)
  const values = [...variables.values()]
  return listenFds > 0 ? withListenFds(values, listenFds, 1) : values
}

/** Socket activation speaks to the process with this pid, as it is numbered inside; see sd_listen_fds(3). */
export function withListenFds(env: readonly string[], count: number, pid: number): string[] {
  const others = env.filter(entry => !/^LISTEN_(FDS|PID)=/.test(entry))
  return [...others, `LISTEN_FDS=${count}`, `LISTEN_PID=${pid}`]
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Where the executable may be: itself when the name has a slash, else in each directory of the container's PATH. */
export function executableCandidates(plan: ProcessPlan): string[] {
  const name = plan.args[0] ?? ''
  if (name.includes('/')) return [name]
  return (variable(plan.env, 'PATH') ?? DEFAULT_PATH)
    .split(':')
    .map(directory => `${directory === '' ? '.' : directory}/${name}`)
}
