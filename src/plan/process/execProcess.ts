import type { Capabilities, Process, User } from '../../../spec/generated/config.ts'
import { UsageError } from '../../errors.ts'
import { type CapabilitySet, capabilityNumber } from './capabilities.ts'

/** Capabilities by name, with or without CAP_ and in any case; `ALL` of them can be dropped. */
export interface CapabilityChanges {
  /** Instead of those that there are. */
  readonly set?: readonly string[] | undefined
  readonly drop?: readonly string[] | undefined
  readonly add?: readonly string[] | undefined
}

/** What `exec` is to change in the process that it starts from. */
export interface ProcessChanges {
  readonly args?: readonly string[] | undefined
  /** The working directory: an absolute path in the container. */
  readonly cwd?: string | undefined
  /** `NAME=value` strings, which replace those of the same name. */
  readonly env?: readonly string[] | undefined
  /** Ids in the container. */
  readonly uid?: number | undefined
  readonly gid?: number | undefined
  /** Besides those that there are. */
  readonly additionalGids?: readonly number[] | undefined
  readonly terminal?: boolean | undefined
  /** Of the terminal, in characters. */
  readonly consoleSize?: Process['consoleSize'] | undefined
  readonly noNewPrivileges?: boolean | undefined
  readonly selinuxLabel?: string | undefined
  readonly apparmorProfile?: string | undefined
  readonly capabilities?: CapabilityChanges | undefined
}

/** What a process file that does not say anything about it takes over from the container's process, as in runc and crun. */
const INHERITED = [
  'capabilities',
  'rlimits',
  'apparmorProfile',
  'selinuxLabel',
  'oomScoreAdj',
  'scheduler',
  'ioPriority',
  'execCPUAffinity',
] as const satisfies readonly (keyof Process)[]

/**
 * The process that `exec` runs: `file` with what it inherits from the container's `own`, or `own` itself but for its
 * program and terminal; and the changes on top. Errors: UsageError for an unknown capability to drop.
 */
export function processToRun(own: Process | undefined, file: Process | undefined, changes: ProcessChanges): Process {
  const base: Process = file ? { ...inherited(own), ...file } : { cwd: '/', ...own, terminal: false, args: [] }
  return change(base, changes)
}

function inherited(own: Process | undefined): Partial<Process> {
  return Object.fromEntries(INHERITED.filter(key => own?.[key] !== undefined).map(key => [key, own![key]]))
}

function change(base: Process, changes: ProcessChanges): Process {
  const { args, cwd, env, terminal, consoleSize, noNewPrivileges, selinuxLabel, apparmorProfile, capabilities } =
    changes
  return {
    ...base,
    ...(args && { args: [...args] }),
    ...(cwd !== undefined && { cwd }),
    ...(env && { env: [...(base.env ?? []), ...env] }),
    ...(terminal && { terminal }),
    ...(consoleSize && { consoleSize }),
    ...(noNewPrivileges && { noNewPrivileges }),
    ...(selinuxLabel !== undefined && { selinuxLabel }),
    ...(apparmorProfile !== undefined && { apparmorProfile }),
    ...(capabilities && { capabilities: changeCapabilities(base.capabilities, capabilities) }),
    user: changeUser(base.user ?? {}, changes),
  }
}

function changeUser(user: User, { uid, gid, additionalGids }: ProcessChanges): User {
  return {
    ...user,
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...(additionalGids && { additionalGids: [...(user.additionalGids ?? []), ...additionalGids] }),
  }
}

/**
 * Those that are added get no further than this, since an inheritable one would survive a change of user
 * (CVE-2022-29162); but where the container has it as inheritable it becomes ambient, too, as in runc.
 */
const ADDED_TO: readonly CapabilitySet[] = ['bounding', 'permitted', 'effective']
const SETS: readonly CapabilitySet[] = [...ADDED_TO, 'inheritable', 'ambient']
const ALL = 'ALL'

function changeCapabilities(
  base: Capabilities | undefined,
  { set, drop = [], add = [] }: CapabilityChanges,
): Capabilities {
  const dropped = set ? [ALL] : drop.map(name => known(capabilityName(name, [ALL]), name))
  const added = [...(set ?? []), ...add].map(name => capabilityName(name))
  const kept = (which: CapabilitySet) =>
    (base?.[which] ?? []).filter(name => !dropped.includes(ALL) && !dropped.includes(name))
  const inheritable = kept('inheritable')
  const more = (which: CapabilitySet) => {
    if (ADDED_TO.includes(which)) return added
    return which === 'ambient' ? added.filter(name => inheritable.includes(name)) : []
  }
  return Object.fromEntries(SETS.map(which => [which, [...new Set([...kept(which), ...more(which)])]])) as Capabilities
}

/** What is to be dropped and is no capability would stay, if it is a slip; one that is added is told and left out. */
function known(name: string, text: string): string {
  if (name === ALL || capabilityNumber(name) !== undefined) return name
  throw new UsageError(`\`${text}\` is not a capability, see capabilities(7)`)
}

function capabilityName(text: string, others: readonly string[] = []): string {
  const upper = text.toUpperCase()
  if (others.includes(upper)) return upper
  return upper.startsWith('CAP_') ? upper : `CAP_${upper}`
}
