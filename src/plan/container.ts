import type { Config, Hooks } from '../../spec/generated/config.ts'
import { cgroupPath } from './cgroup.ts'
import { type DeviceStep, planDevices } from './devices.ts'
import { mapsId } from './idMappings.ts'
import { type MountStep, planMounts } from './mounts.ts'
import { isOwn, type NamespacePlan, planNamespaces } from './namespaces.ts'
import { resolve } from './paths.ts'
import { type ProcessPlan, planProcess } from './process.ts'
import { planSysctl, type SysctlStep } from './sysctl.ts'

/** What the plan depends on besides the configuration. */
export interface PlanFacts {
  readonly id: string
  /** Absolute path. */
  readonly bundle: string
  readonly noPivot: boolean
  /** How many descriptors from 3 on come from socket activation. */
  readonly listenFds: number
  /** The runtime itself is in a user namespace. */
  readonly inUserNamespace: boolean
  /** CAP_MKNOD, which lets device nodes be made in the host's user namespace. */
  readonly capMknod: boolean
}

/** Everything that create does, as data: no descriptors, no clocks, no kernel. */
export interface ContainerPlan {
  readonly id: string
  readonly ociVersion: string
  readonly bundle: string
  readonly rootfs: string
  readonly annotations: Readonly<Record<string, string>> | undefined
  readonly namespaces: NamespacePlan
  readonly hostname: string | undefined
  readonly domainname: string | undefined
  readonly rootfsPropagation: string | undefined
  readonly rootReadonly: boolean
  readonly noPivot: boolean
  readonly mounts: readonly MountStep[]
  readonly devices: readonly DeviceStep[]
  readonly maskedPaths: readonly string[]
  readonly readonlyPaths: readonly string[]
  readonly sysctl: readonly SysctlStep[]
  /** Below the mount point of the cgroup tree. */
  readonly cgroupPath: string
  readonly cgroupAsked: boolean
  readonly deviceRules: NonNullable<NonNullable<Config['linux']>['resources']>['devices']
  readonly hooks: Hooks
  readonly process: ProcessPlan | undefined
}

/** Turns a checked configuration into the plan. Errors: ConfigError with the JSON pointer of what can't be done. */
export function planContainer(config: Config, facts: PlanFacts): ContainerPlan {
  const linux = config.linux ?? {}
  const namespaces = planNamespaces(linux)
  const own = (type: Parameters<typeof isOwn>[1]) => isOwn(namespaces, type)
  const gidMappings = linux.gidMappings ?? []
  const mounts = planMounts(config.mounts ?? [], {
    bundle: facts.bundle,
    hasUserNamespace: own('user'),
    hasNetworkNamespace: own('network'),
    gidMapped: gid => !own('user') || gidMappings.length === 0 || mapsId(gidMappings, gid),
    cgroupNamespace: own('cgroup'),
    mayBeRefused: own('user') || facts.inUserNamespace,
  })
  return {
    id: facts.id,
    ociVersion: config.ociVersion,
    bundle: facts.bundle,
    rootfs: resolve(facts.bundle, config.root?.path ?? 'rootfs'),
    annotations: config.annotations,
    namespaces,
    hostname: config.hostname,
    domainname: config.domainname,
    rootfsPropagation: linux.rootfsPropagation,
    rootReadonly: config.root?.readonly ?? false,
    noPivot: facts.noPivot,
    mounts,
    devices: planDevices(linux.devices ?? [], {
      devIsBind: mounts.some(step => step.op === 'bind' && step.destination === '/dev'),
      canMknod: facts.capMknod && !facts.inUserNamespace && !own('user'),
    }),
    maskedPaths: linux.maskedPaths ?? [],
    readonlyPaths: linux.readonlyPaths ?? [],
    sysctl: planSysctl(linux.sysctl ?? {}, {
      ipc: own('ipc'),
      network: own('network'),
      uts: own('uts'),
      user: own('user'),
      domainname: config.domainname,
    }),
    cgroupPath: cgroupPath(facts.id, linux.cgroupsPath),
    cgroupAsked: linux.cgroupsPath !== undefined,
    deviceRules: linux.resources?.devices,
    hooks: config.hooks ?? {},
    process: config.process && planProcess(config.process, facts.listenFds),
  }
}
