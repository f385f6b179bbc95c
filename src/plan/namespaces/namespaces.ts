import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
} from '../../../native/abi/sched.ts'
import type { Linux, NamespaceType } from '../../../spec/generated/config.ts'
import type { IdMapping } from './idMappings.ts'

export type { NamespaceType }

/** One row per namespace: its flag and its name in /proc/PID/ns. In the order in which existing ones are joined. */
export const NAMESPACES: readonly { type: NamespaceType; flag: number; file: string }[] = [
  { type: 'user', flag: CLONE_NEWUSER, file: 'user' }, // first: it gives the right to enter the others
  { type: 'cgroup', flag: CLONE_NEWCGROUP, file: 'cgroup' },
  { type: 'ipc', flag: CLONE_NEWIPC, file: 'ipc' },
  { type: 'uts', flag: CLONE_NEWUTS, file: 'uts' },
  { type: 'network', flag: CLONE_NEWNET, file: 'net' },
  { type: 'pid', flag: CLONE_NEWPID, file: 'pid' }, // takes effect for children
  { type: 'time', flag: CLONE_NEWTIME, file: 'time' }, // takes effect for children
  { type: 'mount', flag: CLONE_NEWNS, file: 'mnt' }, // last: it replaces root and working directory
]

/** A namespace to enter, by the path of its file. */
export interface Join {
  readonly type: NamespaceType
  readonly flag: number
  readonly path: string
}

export interface NamespacePlan {
  /** Types of which the container gets a new one. */
  readonly create: ReadonlySet<NamespaceType>
  readonly join: readonly Join[]
  readonly uidMappings: readonly IdMapping[]
  readonly gidMappings: readonly IdMapping[]
  /** The text for /proc/PID/timens_offsets; see time_namespaces(7). */
  readonly timeOffsets: string | undefined
}

/** Which namespaces the container gets new, which it enters; types that are not listed stay the runtime's. */
export function planNamespaces(linux: Linux): NamespacePlan {
  const create = new Set<NamespaceType>()
  const join: Join[] = []
  const hasUser = linux.namespaces?.some(({ type }) => type === 'user')
  for (const { type, flag } of NAMESPACES) {
    const wanted = linux.namespaces?.find(namespace => namespace.type === type)
    if (wanted === undefined) continue
    if (wanted.path) join.push({ type, flag, path: wanted.path })
    else create.add(type)
  }
  return {
    create,
    join,
    uidMappings: (hasUser && linux.uidMappings) || [],
    gidMappings: (hasUser && linux.gidMappings) || [],
    timeOffsets: timeOffsets(linux.timeOffsets),
  }
}

function timeOffsets(offsets: Linux['timeOffsets']): string | undefined {
  const lines = Object.entries(offsets ?? {}).map(
    ([clock, { secs, nanosecs }]) => `${clock} ${secs ?? 0} ${nanosecs ?? 0}\n`,
  )
  return lines.length === 0 ? undefined : lines.join('')
}

/** Has the container a namespace of this type that is not the runtime's own? */
export function isOwn(plan: NamespacePlan, type: NamespaceType): boolean {
  return plan.create.has(type) || plan.join.some(join => join.type === type)
}

/** The same for a process that gets its mount namespace later. */
export function withoutMounts(plan: NamespacePlan): NamespacePlan {
  return { ...plan, create: new Set([...plan.create].filter(type => type !== 'mount')) }
}

/** The clone flags of some types together. */
export function cloneFlags(types: Iterable<NamespaceType>): bigint {
  let flags = 0n
  for (const type of types) flags |= BigInt(NAMESPACES.find(row => row.type === type)!.flag)
  return flags
}
