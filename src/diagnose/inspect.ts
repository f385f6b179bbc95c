import { EACCES, EINVAL, ENOENT, ENOTDIR, EPERM, ESRCH } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { hasDeviceFilter } from '../cgroup/deviceFilterUpdate.ts'
import { pidsBelow } from '../container/ps.ts'
import { isErrno } from '../errors.ts'
import { readCgroupFile } from '../kernel/cgroupAccess.ts'
import { type MountRow, parseMountinfo } from '../kernel/mountinfo.ts'
import {
  maskField,
  numbersField,
  type ProcessFields,
  type ProcessLimit,
  parseFields,
  parseLimits,
} from '../kernel/processStatus.ts'
import { NAMESPACES, type NamespaceType } from '../plan/namespaces/namespaces.ts'
import { capabilityNames } from '../plan/process/capabilities.ts'
import type { Runtime } from '../runtime.ts'
import { type ContainerState, stateOf } from '../state/ociState.ts'
import type { ContainerRecord } from '../state/record.ts'
import { isAlive } from '../state/status.ts'
import { openContainer } from '../state/store.ts'

/** A container as it is at this moment, found out from the kernel. What can not be seen by us is absent. */
export interface Inspection extends ContainerState {
  readonly process?: InspectedProcess
  readonly namespaces?: readonly InspectedNamespace[]
  readonly mounts?: readonly MountRow[]
  readonly cgroup?: InspectedCgroup
}

/** The first process. */
export interface InspectedProcess {
  readonly executable?: string
  readonly args: readonly string[]
  /** Ids as the runtime's user namespace numbers them: effective ones. */
  readonly uid: number
  readonly gid: number
  readonly additionalGids: readonly number[]
  readonly umask?: string
  readonly capabilities: Readonly<Record<InspectedSet, readonly string[]>>
  readonly noNewPrivileges: boolean
  readonly seccomp: { readonly mode: string; readonly filters: number }
  /** Of a security module: AppArmor's profile or SELinux' context. */
  readonly label?: string
  readonly rlimits: readonly ProcessLimit[]
  readonly oomScoreAdj?: number
  readonly oomScore?: number
  readonly cpus: string
  readonly memoryNodes: string
  readonly scheduler: { readonly policy: string; readonly nice: number; readonly priority: number }
}

export type InspectedSet = keyof typeof SETS

export interface InspectedNamespace {
  readonly type: NamespaceType
  readonly inode: bigint
  /** It is the one that the runtime is in, too. */
  readonly shared: boolean
}

export interface InspectedCgroup {
  readonly path: string
  /** Below the mount point of the tree, where the first process is. */
  readonly current?: string
  readonly processes: number
  /** Limits and weights by file. */
  readonly files: Readonly<Record<string, string>>
  readonly deviceFilter?: boolean
}

const SETS = {
  bounding: 'CapBnd',
  permitted: 'CapPrm',
  effective: 'CapEff',
  inheritable: 'CapInh',
  ambient: 'CapAmb',
} as const

const SECCOMP_MODES = ['disabled', 'strict', 'filter']

/** <linux/sched.h>: field 41 of /proc/PID/stat. */
const POLICIES: Readonly<Record<string, string>> = {
  0: 'SCHED_OTHER',
  1: 'SCHED_FIFO',
  2: 'SCHED_RR',
  3: 'SCHED_BATCH',
  5: 'SCHED_IDLE',
  6: 'SCHED_DEADLINE',
}

/** Files of a cgroup that limit something; see the interface files of cgroup-v2.rst. */
const LIMIT_FILE =
  /^(cpu\.(max|max\.burst|weight|idle)|cpuset\.(cpus|mems)|(?!cgroup).+\.(max|high|low|min|weight)|cgroup\.max\..+|cgroup\.(type|freeze|subtree_control))$/

/** Files of a process that may go while we look, or not be ours to see; a cgroup deeper than a path is long has none. */
const HIDDEN = ['ENOENT', 'ESRCH', 'EACCES', 'EPERM', 'EINVAL', 'ENODEV', 'ENAMETOOLONG']

/** All about a container. Errors: StateError when there is none. */
export function inspectContainer(runtime: Runtime, id: string): Inspection {
  const { outside } = runtime
  using container = openContainer(outside, runtime.root, id, false)
  const record = container.established
  const state = stateOf(runtime, record, container.status)
  const cgroup = inspectCgroup(outside, record)
  if (state.pid === 0) return { ...state, ...(cgroup && { cgroup }) }
  const process = inspectProcess(outside, record.pid)
  const namespaces = inspectNamespaces(outside, record.pid)
  const mounts = procText(outside, `${record.pid}/mountinfo`)
  // It may have ended meanwhile, and its number be another's.
  if (!isAlive(outside, record)) return { ...stateOf(runtime, record, 'stopped'), ...(cgroup && { cgroup }) }
  return {
    ...state,
    ...(process && { process }),
    namespaces,
    ...(mounts !== undefined && { mounts: parseMountinfo(mounts) }),
    ...(cgroup && { cgroup }),
  }
}

/** A file of procfs; undefined when it is gone or hidden from us. */
export function procText(outside: Kernel<'outside'>, path: string): string | undefined {
  try {
    return outside.readTextIfAny(AT_FDCWD, `/proc/${path}`)
  } catch (error) {
    if (isErrno(error, ...HIDDEN)) return undefined
    throw error
  }
}

function inspectProcess(outside: Kernel<'outside'>, pid: number): InspectedProcess | undefined {
  const status = procText(outside, `${pid}/status`)
  if (status === undefined) return undefined
  const fields = parseFields(status)
  const executable = procLink(outside, `${pid}/exe`)
  const label = procText(outside, `${pid}/attr/current`)?.replace(/[\0\n]+$/, '')
  const umask = fields.get('Umask')
  const number = (name: string) => {
    const text = procText(outside, `${pid}/${name}`)
    return text === undefined ? undefined : Number(text)
  }
  const [oomScoreAdj, oomScore] = [number('oom_score_adj'), number('oom_score')]
  return {
    ...(executable !== undefined && { executable }),
    args: (procText(outside, `${pid}/cmdline`) ?? '').split('\0').slice(0, -1),
    uid: numbersField(fields, 'Uid')[1] ?? 0,
    gid: numbersField(fields, 'Gid')[1] ?? 0,
    additionalGids: numbersField(fields, 'Groups'),
    ...(umask !== undefined && { umask }),
    capabilities: capabilitySets(fields),
    noNewPrivileges: fields.get('NoNewPrivs') === '1',
    seccomp: {
      mode: SECCOMP_MODES[Number(fields.get('Seccomp') ?? 0)] ?? 'unknown',
      filters: Number(fields.get('Seccomp_filters') ?? 0),
    },
    ...(label && { label }),
    rlimits: parseLimits(procText(outside, `${pid}/limits`) ?? ''),
    ...(oomScoreAdj !== undefined && { oomScoreAdj }),
    ...(oomScore !== undefined && { oomScore }),
    cpus: fields.get('Cpus_allowed_list') ?? '',
    memoryNodes: fields.get('Mems_allowed_list') ?? '',
    scheduler: inspectScheduler(procText(outside, `${pid}/stat`) ?? ''),
  }
}

function capabilitySets(fields: ProcessFields): InspectedProcess['capabilities'] {
  const sets = Object.entries(SETS).map(([set, field]) => [set, capabilityNames(maskField(fields, field))])
  return Object.fromEntries(sets) as InspectedProcess['capabilities']
}

/** Fields 19, 40 and 41 of the line, see proc_pid_stat(5). */
function inspectScheduler(line: string): InspectedProcess['scheduler'] {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  const policy = fields[38] ?? ''
  return { policy: POLICIES[policy] ?? policy, nice: Number(fields[16] ?? 0), priority: Number(fields[37] ?? 0) }
}

function procLink(outside: Kernel<'outside'>, path: string): string | undefined {
  try {
    return outside.readlinkat(AT_FDCWD, `/proc/${path}`)
  } catch (error) {
    if (isErrno(error, ...HIDDEN)) return undefined
    throw error
  }
}

function inspectNamespaces(outside: Kernel<'outside'>, pid: number): InspectedNamespace[] {
  const inode = (who: string | number, file: string) =>
    outside.statx(AT_FDCWD, `/proc/${who}/ns/${file}`, 0, [ENOENT, ESRCH, EACCES, EPERM]).stat?.inode
  return NAMESPACES.flatMap(({ type, file }) => {
    const found = inode(pid, file)
    return found === undefined ? [] : [{ type, inode: found, shared: found === inode('self', file) }]
  })
}

function inspectCgroup(outside: Kernel<'outside'>, { cgroup, pid }: ContainerRecord): InspectedCgroup | undefined {
  if (cgroup === undefined) return undefined
  using directory = outside.openat(AT_FDCWD, cgroup, O_RDONLY | O_DIRECTORY, 0, [ENOENT, ENOTDIR, EACCES])
  if (!directory.exists) return undefined
  const files = outside
    .readDirectory(directory)
    .filter(name => LIMIT_FILE.test(name))
    .sort()
  const texts = files.flatMap(file => {
    const text = readOrNothing(() => readCgroupFile(outside, directory, file, [ENOENT, EACCES, EINVAL])?.trim())
    return text ? [[file, text] as const] : []
  })
  const current = currentCgroup(outside, pid)
  const deviceFilter = hasDeviceFilter(outside, cgroup)
  return {
    path: cgroup,
    ...(current !== undefined && { current }),
    processes: pidsBelow(outside, cgroup).length,
    files: Object.fromEntries(texts),
    ...(deviceFilter !== undefined && { deviceFilter }),
  }
}

function readOrNothing(read: () => string | undefined): string | undefined {
  try {
    return read()
  } catch (error) {
    if (isErrno(error, ...HIDDEN, 'EOPNOTSUPP')) return undefined
    throw error
  }
}

/** Where a process is in the version 2 tree, below the root that we see. */
export function currentCgroup(outside: Kernel<'outside'>, pid: number): string | undefined {
  return /^0::(\/.*)$/m.exec(procText(outside, `${pid}/cgroup`) ?? '')?.[1]
}
