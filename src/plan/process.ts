import type { Process } from '../../spec/generated/config.ts'
import { type CapabilityPlan, planCapabilities } from './capabilities.ts'
import { planRlimits, type RlimitStep } from './rlimits.ts'

/** What becomes of the first process; see config.md#process. */
export interface ProcessPlan {
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
}

const DEFAULT_UMASK = 0o022

/** `pointer` is where the process stands in its document, for messages. */
export function planProcess(process: Process, listenFds: number): ProcessPlan {
  return {
    args: process.args ?? [],
    env: environment(process.env ?? [], listenFds),
    cwd: process.cwd,
    uid: process.user?.uid ?? 0,
    gid: process.user?.gid ?? 0,
    umask: process.user?.umask ?? DEFAULT_UMASK,
    additionalGids: process.user?.additionalGids ?? [],
    capabilities: planCapabilities(process.capabilities),
    rlimits: planRlimits(process.rlimits ?? []),
    noNewPrivileges: process.noNewPrivileges ?? false,
    oomScoreAdj: process.oomScoreAdj,
  }
}

/** The last of several values for a variable counts, as in runc; socket activation speaks to pid 1, see sd_listen_fds(3). */
function environment(env: readonly string[], listenFds: number): string[] {
  const variables = new Map<string, string>()
  for (const entry of env) variables.set(entry.slice(0, entry.indexOf('=')), entry)
  if (listenFds > 0) {
    variables.set('LISTEN_FDS', `LISTEN_FDS=${listenFds}`)
    variables.set('LISTEN_PID', 'LISTEN_PID=1')
  }
  return [...variables.values()]
}

/** The value of a variable in a planned environment. */
export function variable(env: readonly string[], name: string): string | undefined {
  return env.find(entry => entry.startsWith(`${name}=`))?.slice(name.length + 1)
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
