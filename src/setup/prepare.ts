import { CAP_MKNOD, CAP_SYS_ADMIN, CAP_SYS_RESOURCE } from '../../native/abi/capability.ts'
import { ENOENT, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../native/abi/fcntl.ts'
import type { CapabilitySets } from '../../native/calls/identity.ts'
import { STDIO } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { decode } from '../../native/utf8.ts'
import { checkConfig } from '../config/checks/checks.ts'
import { stringify } from '../config/json.ts'
import { parseConfig } from '../config/load.ts'
import { oddities } from '../config/oddities.ts'
import { pointerInFile } from '../config/places.ts'
import { ConfigError, HostError } from '../errors.ts'
import { readInput } from '../host/callersFiles.ts'
import { absolute, holds, lastCapability } from '../host/host.ts'
import { keepsOriginalGroups } from '../plan/annotations.ts'
import { type ContainerPlan, planContainer, type PlanFacts } from '../plan/container.ts'
import { isOwn } from '../plan/namespaces/namespaces.ts'
import { capabilityNames, capabilityNumber, type CapabilityPlan } from '../plan/process/capabilities.ts'
import { RECEIVER_VARIABLE, withUsualReceiver } from '../plan/seccomp/plan.ts'
import { filesForMounts } from '../rootfs/fewFiles.ts'
import type { Runtime } from '../runtime.ts'
import { checkConsole, type ConsoleSocket } from '../streams/consoleRoute.ts'
import { checkPidFile } from '../streams/pidFile.ts'
import { withMappings } from './defaultMappings.ts'
import { requireSecurityModules } from './facilities/labels.ts'
import { withinOwnRights } from './ownRights.ts'
import { type FileLimit, makeRoomForFiles } from './process/limits.ts'

/** What create and run are asked for. */
export interface CreateRequest {
  readonly id: string
  /** The bundle's directory; relative to the current one. */
  readonly bundle: string
  /** Instead of config.json in the bundle. */
  readonly configFile?: string | undefined
  /** The text of config.json itself, instead of a file. */
  readonly configText?: string | undefined
  readonly pidFile?: string | undefined
  readonly consoleSocket?: ConsoleSocket | undefined
  readonly pidfdSocket?: string | undefined
  /** MS_MOVE and chroot instead of pivot_root, for a host that runs from its initramfs. */
  readonly noPivot?: boolean
  /** Keep the caller's session keyring. */
  readonly noNewKeyring?: boolean
  /** Descriptors of this process that are the program's standard input, output and error, instead of our own. */
  readonly stdio?: readonly [number, number, number] | undefined
  /** How many descriptors from 3 on the program gets, besides those of socket activation. */
  readonly preserveFds?: number
}

/** All that is decided before anything is made. */
export interface Prepared {
  readonly request: CreateRequest
  readonly plan: ContainerPlan
  readonly configText: string
  /** CAP_SYS_ADMIN here: the planner may copy and change mounts itself. */
  readonly privileged: boolean
  /** An unprivileged user's runtime: what it may not do is left out where the spec lets it. */
  readonly rootless: boolean
  /** Descriptors of ours that the program inherits, in order. */
  readonly inherited: readonly number[]
  /** The program's limit of open files, when ours had to be raised. */
  readonly callerLimit: FileLimit | undefined
  /** It can not be raised so far that the sources of all mounts are open at once. */
  readonly fewFiles: boolean
  /** The keeper opens what is bound, in a copy of the host's mounts; see holdsNamespace() in build.ts. */
  readonly sourcesInCopy?: boolean
}

/** Reads, checks and plans; makes nothing. In the `foreground` this process can hold a terminal. Errors: ConfigError, UsageError, KernelError for an unreadable bundle. */
export function prepare(runtime: Runtime, request: CreateRequest, foreground = false): Prepared {
  const { outside } = runtime
  checkPidFile(runtime, request)
  const bundle = absolute(outside, request.bundle)
  const text =
    request.configText ?? runtime.phase('read config.json', () => readConfig(runtime, bundle, request.configFile))
  const given = runtime.phase('parse and validate', () => parseConfig(text, runtime.warn))
  const mapped = withMappings(runtime, given)
  const config = withUsualReceiver(mapped, runtime.env(RECEIVER_VARIABLE))
  runtime.phase('check', () => checkConfig(config, text))
  checkConsole(config.process?.terminal ?? false, request.consoleSocket, foreground)
  const own = outside.capget()
  const has = holds(own.effective)
  const listenFds = socketActivation(runtime)
  const inherited = inheritedDescriptors(runtime, listenFds + (request.preserveFds ?? 0))
  const wish = runtime.phase('plan', () =>
    planContainer(config, planFacts(runtime, { ...request, bundle }, listenFds, has)),
  )
  requireSecurityModules(outside, wish)
  const plan = isOwn(wish.namespaces, 'user') ? wish : withinRights(outside, own, wish)
  for (const { pointer, reason } of oddities(given)) runtime.warn(`${pointerInFile(given, pointer!)}: ${reason}`)
  if (plan.process) tellCapabilities(runtime, plan.process.capabilities)
  // Whoever reads it later, exec or checkpoint, has to see the mappings that there are.
  const configText = mapped === given ? text : stringify(mapped)
  const mayRaise = has(CAP_SYS_RESOURCE)
  const callerLimit = makeRoomForFiles(outside, filesOf(plan, inherited), mayRaise)
  const isShort = callerLimit !== undefined && !mayRaise
  return {
    request,
    plan,
    configText,
    privileged: has(CAP_SYS_ADMIN),
    rootless: runtime.rootless,
    inherited,
    callerLimit,
    fewFiles: isShort && callerLimit.hard < inherited.at(-1)! + FILES_ANYWAY + filesForMounts(plan),
  }
}

const FILES_ANYWAY = 64
/** A source here, twice while it is handed over; in the executor source, target, directories on the way. */
const FILES_PER_MOUNT = 6

/** About as many open files as it takes to make the container, and not fewer. */
function filesOf({ mounts, devices }: ContainerPlan, inherited: readonly number[]): number {
  return inherited.at(-1)! + FILES_ANYWAY + FILES_PER_MOUNT * (mounts.length + devices.length)
}

/** What can not be granted (config.md, Process: the runtime MUST log a warning about what it does not know). */
export function tellCapabilities(runtime: Runtime, { warnings, useless }: CapabilityPlan): void {
  for (const warning of warnings) runtime.warn(warning)
  for (const text of useless) runtime.inform(text)
}

/**
 * Throws a HostError when a program is to have what the runtime, with the capabilities `own`, can not give: in vain later,
 * see capset(2). Those that this kernel does not know are nothing to it.
 */
export function requireCapabilities(outside: Kernel<'outside'>, { permitted }: CapabilityPlan, own: bigint): void {
  const missing = permitted & ~own
  if (missing === 0n || own === 0n) return // who has none is told to use a user namespace, by what is denied first
  const last = lastCapability(outside)
  const lacked = capabilityNames(missing).filter(name => capabilityNumber(name)! <= last)
  if (lacked.length > 0)
    throw new HostError(
      `/process/capabilities/permitted: operation not permitted: the runtime itself lacks ${lacked.join(', ')}`,
    )
}

/** The plan as far as the capabilities `own` go, where there is no user namespace to have all of them in. Errors: HostError. */
function withinRights(outside: Kernel<'outside'>, own: CapabilitySets, plan: ContainerPlan): ContainerPlan {
  if (plan.process === undefined) return plan
  requireCapabilities(outside, plan.process.capabilities, own.permitted)
  const process = withinOwnRights(outside, own.effective, plan.process, !keepsOriginalGroups(plan.annotations))
  return process === plan.process ? plan : { ...plan, process }
}

/** What this runtime knows of the machine for a plan. The bundle's path is absolute. */
export function planFacts(
  runtime: Runtime,
  { id, bundle, noPivot = false }: Pick<CreateRequest, 'id' | 'bundle' | 'noPivot'>,
  listenFds: number,
  has: (capability: number) => boolean,
): PlanFacts {
  return {
    id,
    bundle,
    noPivot,
    systemd: runtime.cgroupManager === 'systemd' ? (runtime.rootless ? 'user' : 'system') : undefined,
    listenFds,
    notify: runtime.env('NOTIFY_SOCKET'),
    inUserNamespace: runtime.inUserNamespace,
    capMknod: has(CAP_MKNOD),
    arch: runtime.host.arch,
  }
}

/** The text of a bundle's config.json, or of `file` instead. Errors: ConfigError when it is missing or no file, KernelError. */
export function readConfig({ outside }: Runtime, bundle: string, file: string | undefined): string {
  const path = file === undefined ? `${bundle}/config.json` : absolute(outside, file)
  const bytes = readInput(outside, path, [ENOENT, ENOTDIR])
  if (bytes === undefined)
    throw new ConfigError(`\`${path}\` does not exist; \`tsrun spec --bundle ${bundle}\` writes one to start from`)
  return decode(bytes)
}

/** How many descriptors systemd hands to us, see sd_listen_fds(3); they are for whom LISTEN_PID names. */
export function socketActivation({ outside, env }: Runtime): number {
  const count = Number(env('LISTEN_FDS') ?? 0)
  const pid = env('LISTEN_PID')
  if (!Number.isInteger(count) || count <= 0) return 0
  return pid === undefined || Number(pid) === outside.getpid() ? count : 0
}

/**
 * The standard streams, and those of the `count` descriptors from 3 on that are open. As in crun there may be gaps: podman
 * counts up to the highest one of `--preserve-fd 5,9`.
 */
export function inheritedDescriptors(runtime: Runtime, count: number): number[] {
  const { host, outside } = runtime
  if (count === 0) return [...STDIO]
  const known = host.callerDescriptors ?? openDescriptors(outside)
  return [...STDIO, ...known.filter(fd => fd >= 3 && fd < 3 + count && outside.isOpen(fd)).sort((a, b) => a - b)]
}

function openDescriptors(outside: Kernel<'outside'>): number[] {
  using directory = outside.openat(AT_FDCWD, '/proc/self/fd', O_RDONLY | O_DIRECTORY)
  return outside
    .readDirectory(directory)
    .map(Number)
    .filter(fd => fd !== directory.number)
}
