import { personalities } from '../../native/abi/personality.ts'
import type { Architecture } from '../../native/arch/architecture.ts'
import type { Config, Hooks } from '../../spec/generated/config.ts'
import { components, isAbsolute, resolve } from '../paths.ts'
import { cgroupOwner, cgroupPath } from './cgroup.ts'
import { type DeviceStep, planDevices } from './devices/devices.ts'
import { planMountLabel } from './mounts/labels.ts'
import type { Parameter } from './mounts/mountOptions.ts'
import { type MountContext, type MountStep, planMounts } from './mounts/mounts.ts'
import { mapsId } from './namespaces/idMappings.ts'
import { isOwn, type NamespacePlan, planNamespaces } from './namespaces/namespaces.ts'
import { type NetDevicePlan, planNetDevices } from './namespaces/netDevices.ts'
import { planSysctl, type SysctlStep } from './namespaces/sysctl.ts'
import { type NotifyPlace, withNotifySocket } from './notify.ts'
import { type MemoryPolicyPlan, planMemoryPolicy } from './process/memoryPolicy.ts'
import { type ProcessPlan, planProcess } from './process/process.ts'
import { planResctrl, type ResctrlPlan } from './resctrl.ts'
import { planResources, type ResourcePlan } from './resources/resources.ts'
import { planSeccomp, type SeccompPlan } from './seccomp/plan.ts'
import { planScope, type ScopePlan } from './systemd/scope.ts'

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
  /** What the runtime runs on. */
  readonly arch: Architecture
  /** The address of the service manager that wants to hear from the container, see sd_notify(3). */
  readonly notify?: string | undefined
  /** Whose systemd manages the cgroups; undefined when none does. */
  readonly systemd?: 'system' | 'user' | undefined
}

/** What every process of a container takes on by itself, the first one and those of `exec`. */
export interface MembershipPlan {
  readonly memoryPolicy: MemoryPolicyPlan | undefined
  /** The execution domain, as personality(2) takes it. */
  readonly personality: number | undefined
  readonly resctrl: ResctrlPlan | undefined
  readonly netDevices: readonly NetDevicePlan[]
  readonly seccomp: SeccompPlan | undefined
}

/** Everything that create does, as data: no descriptors, no clocks, no kernel. */
export interface ContainerPlan extends MembershipPlan {
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
  /** What systemd makes instead, where it manages the cgroups. */
  readonly scope: ScopePlan | undefined
  /** The user, as numbered inside, who is to own the cgroup; undefined when it stays ours. */
  readonly cgroupOwner: number | undefined
  readonly resources: ResourcePlan
  readonly deviceRules: NonNullable<NonNullable<Config['linux']>['resources']>['devices']
  readonly hooks: Hooks
  /** Where the program gets a socket for sd_notify(3). */
  readonly notify: NotifyPlace | undefined
  readonly process: ProcessPlan | undefined
  /** The option that labels a new mount for SELinux. */
  readonly mountLabel: Parameter | undefined
}

/** A devtmpfs is the one of the host, whoever mounts it. */
function isHostDev(step: MountStep): boolean {
  return step.destination === '/dev' && (step.op === 'bind' || (step.op === 'filesystem' && step.type === 'devtmpfs'))
}

/** Turns a checked configuration into the plan. Errors: ConfigError with the JSON pointer of what can't be done. */
export function planContainer(given: Config, facts: PlanFacts): ContainerPlan {
  const notified = facts.notify ? withNotifySocket(given, facts.notify) : undefined
  const config = notified?.config ?? given
  const linux = config.linux ?? {}
  const namespaces = planNamespaces(linux)
  const own = (type: Parameters<typeof isOwn>[1]) => isOwn(namespaces, type)
  const mountLabel = planMountLabel(config)
  const resources = planResources(linux.resources, config.ociVersion)
  const mounts = planMounts(config.mounts ?? [], mountContext(config, namespaces, mountLabel, facts))
  return {
    id: facts.id,
    ociVersion: config.ociVersion,
    bundle: facts.bundle,
    rootfs: rootPath(config.root, facts.bundle),
    annotations: config.annotations,
    namespaces,
    hostname: config.hostname,
    domainname: config.domainname,
    rootfsPropagation: linux.rootfsPropagation,
    rootReadonly: (config.root?.readonly ?? false) || (linux.readonlyPaths ?? []).some(isRoot),
    noPivot: facts.noPivot,
    mounts,
    devices: planDevices(linux.devices ?? [], {
      devIsHost: mounts.some(isHostDev),
      canMknod: facts.capMknod && !facts.inUserNamespace && !own('user'),
      hostCanMknod: facts.capMknod && !facts.inUserNamespace && namespaces.create.has('user'),
    }),
    maskedPaths: inside(linux.maskedPaths),
    readonlyPaths: inside(linux.readonlyPaths).filter(path => !isRoot(path)),
    sysctl: planSysctl(linux.sysctl ?? {}, {
      ipc: own('ipc'),
      network: own('network'),
      uts: own('uts'),
      user: own('user'),
      domainname: config.domainname,
    }),
    cgroupPath: cgroupPath(facts.id, linux.cgroupsPath),
    cgroupAsked: linux.cgroupsPath !== undefined,
    scope: planContainerScope(config, facts, resources),
    cgroupOwner: cgroupOwner(config),
    resources,
    deviceRules: linux.resources?.devices,
    hooks: config.hooks ?? {},
    notify: notified?.place,
    process: config.process && planProcess(config.process, facts.listenFds),
    mountLabel,
    ...planMembership(config, facts),
  }
}

/** Read-only by a mount over it, the root would be below that: as in runc and crun it is meant itself, without what is mounted in it. */
function isRoot(path: string): boolean {
  return isAbsolute(path) && components(path).length === 0
}

/** Relative ones count from the root, and an empty one names nothing. */
function inside(paths: readonly string[] = []): string[] {
  return paths.filter(path => path !== '').map(path => (path.startsWith('/') ? path : `/${path}`))
}

/** The facts that the mounts of a container depend on. */
export function mountContext(
  { linux, root }: Config,
  namespaces: NamespacePlan,
  label: Parameter | undefined,
  { bundle, inUserNamespace }: Pick<PlanFacts, 'bundle' | 'inUserNamespace'>,
): MountContext {
  const own = (type: Parameters<typeof isOwn>[1]) => isOwn(namespaces, type)
  const gidMappings = linux?.gidMappings ?? []
  return {
    bundle,
    rootfs: rootPath(root, bundle),
    hasUserNamespace: own('user'),
    hasNetworkNamespace: own('network'),
    gidMapped: gid => !own('user') || gidMappings.length === 0 || mapsId(gidMappings, gid),
    cgroupNamespace: own('cgroup'),
    idMappings: { uid: namespaces.uidMappings, gid: namespaces.gidMappings },
    label,
    mayBeRefused: own('user') || inUserNamespace,
  }
}

function rootPath(root: Config['root'], bundle: string): string {
  return resolve(bundle, root?.path ?? 'rootfs')
}

/** Errors: those of the parts. */
export function planMembership(
  { linux = {}, annotations }: Config,
  { id, arch }: Pick<PlanFacts, 'id' | 'arch'>,
): MembershipPlan {
  return {
    memoryPolicy: linux.memoryPolicy && planMemoryPolicy(linux.memoryPolicy),
    personality: linux.personality && personalities[linux.personality.domain],
    resctrl: linux.intelRdt && planResctrl(linux.intelRdt, id),
    netDevices: planNetDevices(linux.netDevices),
    seccomp: linux.seccomp && planSeccomp(linux.seccomp, arch, annotations),
  }
}

function planContainerScope(
  { linux, annotations }: Config,
  { id, systemd }: PlanFacts,
  resources: ResourcePlan,
): ScopePlan | undefined {
  if (systemd === undefined) return undefined
  const { cgroupsPath } = linux ?? {}
  const devices = linux?.resources?.devices
  return planScope({ id, cgroupsPath, annotations, devices, limits: resources.steps, ofUser: systemd === 'user' })
}
