import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
} from '../../../native/abi/mount.ts'
import { ConfigError } from '../../errors.ts'
import { isWithin, resolve } from '../../paths.ts'
import { type IdMapping, type IdMappings, parseInlineMappings } from '../namespaces/idMappings.ts'
import { labelMount } from './labels.ts'
import {
  type Attributes,
  type MountOptions,
  type Parameter,
  parseMountOptions,
  type Propagation,
} from './mountOptions.ts'

/** One entry of `mounts` in config.json. */
export interface MountInput {
  readonly destination: string
  readonly source?: string | undefined
  readonly type?: string | undefined
  readonly options?: readonly string[] | undefined
  readonly uidMappings?: readonly IdMapping[] | undefined
  readonly gidMappings?: readonly IdMapping[] | undefined
}

/** The facts that mounts depend on. */
export interface MountContext {
  /** Absolute path of the bundle. */
  readonly bundle: string
  /** Absolute path of the root file system. */
  readonly rootfs: string
  readonly hasUserNamespace: boolean
  /** The container has a network namespace that is not the host's. */
  readonly hasNetworkNamespace: boolean
  /** The container has a cgroup namespace that is not the host's. */
  readonly cgroupNamespace: boolean
  /** A user namespace, the container's or the runtime's, does the mounting: the kernel may refuse what shows too much. */
  readonly mayBeRefused: boolean
  /** Does this group id of the container exist outside? Always, without a user namespace. */
  gidMapped(gid: number): boolean
  /** The container's own mappings, for `@` in an inline idmap. */
  readonly idMappings?: IdMappings | undefined
  /** The option that labels a new mount for SELinux. */
  readonly label?: Parameter | undefined
}

/** What all steps have. */
interface Placed {
  /** The entry of config.json, `/mounts/3`, for messages. */
  readonly pointer: string
  /** Absolute, clean, inside the container. */
  readonly destination: string
  /** What is made when nothing is there: a directory, or whatever the source is. */
  readonly target: 'directory' | 'like-source'
  /** The target must be a real directory, reached without symbolic links (CVE-2019-19921, CVE-2023-28642). */
  readonly needsRealTarget: boolean
  /** The last name of the destination is not followed when it is a symbolic link. */
  readonly noFollowTarget: boolean
  readonly attributes: Attributes
  readonly recursiveAttributes: Attributes
  readonly propagation: readonly Propagation[]
}

export interface BindStep extends Placed {
  readonly op: 'bind'
  /** Absolute, on the host. */
  readonly source: string
  /** The same in the container, when it lies in there and may be what an earlier mount brings. */
  readonly sourceInside: string | undefined
  readonly recursive: boolean
  readonly noFollowSource: boolean
  /** When the source is a symbolic link, make the same link instead of a mount. */
  readonly copySymlink: boolean
  /** Refuse a source that is not a procfs. */
  readonly requireProcfs: boolean
  readonly idmap: IdmapPlan | undefined
  /** A user namespace may have locked attributes: each is cleared for itself, where that is allowed. */
  readonly mayBeLocked: boolean
}

/** An id-mapped mount: through the user namespace of the container, or through one of its own. */
export interface IdmapPlan {
  readonly recursive: boolean
  readonly mappings: 'container' | IdMappings
}

export interface FilesystemStep extends Placed {
  readonly op: 'filesystem'
  readonly type: string
  /** What mountinfo shows; a device for the file systems that have one. */
  readonly source: string
  /** FSCONFIG_SET_FLAG for the superblock. */
  readonly flags: readonly string[]
  /** FSCONFIG_SET_STRING, or SET_FLAG without a value. */
  readonly parameters: readonly Parameter[]
  /** The SELinux label of the root directory, for a file system without an option for it. */
  readonly rootLabel: string | undefined
  /** Give the new tmpfs the mode of the directory that it covers, when that was there before. */
  readonly inheritMode: boolean
  /** Copy what that directory holds into the new tmpfs. */
  readonly copyUp: boolean
  /** Make it read-only when all else is in place: devices, links and other mounts still go into it. */
  readonly readonlyLate: boolean
  readonly fallback: Fallback | undefined
}

/** What to bind instead, recursively, when the kernel does not let this user namespace mount the file system. */
export interface Fallback {
  readonly on: readonly ('EPERM' | 'EBUSY')[]
  /** The host's /sys, the root of its cgroup tree, or the container's own cgroup. */
  readonly source: 'sys' | 'cgroup-root' | 'own-cgroup'
  readonly recursiveAttributes: Attributes
}

/** Changes the mount that is already at the destination. */
export interface RemountStep extends Placed {
  readonly op: 'remount'
  /** Only the mount, not its superblock: `flags` and `parameters` are empty. */
  readonly mountOnly: boolean
  readonly flags: readonly string[]
  readonly parameters: readonly Parameter[]
  /** Make the mount read-only when all else is in place: devices and links still go into /dev. */
  readonly readonlyLate: boolean
}

export type MountStep = BindStep | FilesystemStep | RemountStep

/** An entry with its words understood. */
interface MountEntry {
  readonly input: MountInput
  readonly pointer: string
  readonly destination: string
  readonly type: string | undefined
  readonly options: MountOptions
  readonly isBind: boolean
}

/** What is mounted at a well-known place when config.json does not say how: the same as in crun. */
const wellKnown: Readonly<Record<string, { type: string; options: readonly string[] }>> = {
  '/proc': { type: 'proc', options: [] },
  '/dev': { type: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
  '/dev/pts': { type: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'] },
  '/dev/shm': { type: 'tmpfs', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'] },
  '/dev/mqueue': { type: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  '/sys': { type: 'sysfs', options: ['nosuid', 'noexec', 'nodev'] },
  '/sys/fs/cgroup': { type: 'cgroup2', options: ['nosuid', 'noexec', 'nodev', 'relatime'] },
}

/** What may be mounted below /proc: files that lxcfs and the like replace; nothing that security rests on. */
const mountableInProc = [
  'cpuinfo',
  'diskstats',
  'loadavg',
  'meminfo',
  'slabinfo',
  'stat',
  'swaps',
  'uptime',
  'sys/crypto/fips_enabled',
  'sys/kernel/ns_last_pid',
]

/** Their superblock may be shared with other mounts, or has files made in it later: only the mount becomes read-only. */
const readonlyByMount = ['proc', 'sysfs', 'cgroup2', 'mqueue', 'devpts', 'tmpfs', 'ramfs']

/** fsconfig's words that change nothing about a new superblock. */
const defaultFlags = ['rw', 'async', 'nomand', 'nolazytime']

/**
 * The steps for `mounts`, in its order (config.md, Mounts). Throws a ConfigError, pointing at the property, for what can
 * not work: see `checks`.
 */
export function planMounts(
  mounts: readonly MountInput[] = [],
  context: MountContext,
  pointer = '/mounts',
): MountStep[] {
  const read = oncePerList(parseMountOptions)
  const known = new Map<string, Known>()
  return mounts.map((input, index) => {
    const words = wordsOf(input)
    const other = words === undefined ? undefined : known.get(words)
    const isKnown = other !== undefined && other.type === input.type
    const alike = isKnown && bindAlike(other.step, input, index, pointer, context)
    if (alike) return alike
    const step = planMount(input, `${pointer}/${index}`, context, read)
    if (words !== undefined && step.op === 'bind' && !step.requireProcfs) known.set(words, { type: input.type, step })
    return step
  })
}

/** A bind that has been understood, for others with the same words, of which there may be thousands. */
interface Known {
  readonly type: string | undefined
  readonly step: BindStep
}

/** The options as one word, when they are all that an entry has besides its type and its paths. */
function wordsOf({ options, uidMappings, gidMappings }: MountInput): string | undefined {
  return uidMappings === undefined && gidMappings === undefined ? options?.join('\0') : undefined
}

/**
 * The step for an entry that differs from the one of `step` in nothing but its paths; undefined where these are special to
 * `checks` or to understand(). Spelled out, which takes an interpreter half the time.
 */
function bindAlike(
  step: BindStep,
  input: MountInput,
  index: number,
  pointer: string,
  { bundle, rootfs }: MountContext,
): BindStep | undefined {
  const written = resolve('/', input.destination)
  const destination = pathInside(written, rootfs) ?? written
  if (!input.source || destination === '/' || isWithin(destination, '/proc')) return undefined
  const source = resolve(bundle, input.source)
  return {
    op: 'bind',
    pointer: `${pointer}/${index}`,
    destination,
    target: step.target,
    needsRealTarget: step.needsRealTarget,
    noFollowTarget: step.noFollowTarget,
    attributes: step.attributes,
    recursiveAttributes: step.recursiveAttributes,
    propagation: step.propagation,
    source,
    sourceInside: pathInside(source, rootfs),
    recursive: step.recursive,
    noFollowSource: step.noFollowSource,
    copySymlink: step.copySymlink,
    requireProcfs: step.requireProcfs,
    idmap: step.idmap,
    mayBeLocked: step.mayBeLocked,
  }
}

function planMount(input: MountInput, pointer: string, context: MountContext, read: ReadOptions): MountStep {
  const entry = understand(input, pointer, context, read)
  for (const check of checks) {
    const wrong = check(entry, context)
    if (wrong !== undefined) throw new ConfigError(wrong[1], `${entry.pointer}/${wrong[0]}`)
  }
  if (entry.options.remount) return remount(entry)
  if (entry.isBind) return bind(entry, context)
  if (entry.type === 'sysfs' && context.mayBeRefused && !context.hasNetworkNamespace) return hostSysfs(entry)
  return filesystem(entry, context)
}

type ReadOptions = typeof parseMountOptions

/** Where there are many mounts they have the same few lists of options. */
function oncePerList(read: ReadOptions): ReadOptions {
  const known = new Map<string, MountOptions>()
  return options => {
    const key = options.join('\0')
    const found = known.get(key) ?? read(options)
    known.set(key, found)
    return found
  }
}

/** A destination may be written with the root file system before it, as runc takes it. */
function understand(input: MountInput, pointer: string, { rootfs }: MountContext, read: ReadOptions): MountEntry {
  const written = resolve('/', input.destination)
  const destination = pathInside(written, rootfs) ?? written
  const usual = Object.hasOwn(wellKnown, destination) ? wellKnown[destination] : undefined
  const given = input.type === 'cgroup' ? 'cgroup2' : input.type
  // The usual options are for the usual file system only: devpts' would be nonsense on a tmpfs.
  const isUsual = usual !== undefined && (given === undefined || given === usual.type)
  const options = read(input.options ?? (isUsual ? usual.options : []))
  const isBind = options.bind !== false || input.type === 'bind'
  return { input, pointer, destination, type: given ?? usual?.type, options, isBind }
}

/** Names a property and says what is wrong with it, or finds nothing. */
type MountCheck = (entry: MountEntry, context: MountContext) => [property: string, reason: string] | undefined

/** About id maps there are those of config/checks/mounts.ts, which come first. */
const checks: readonly MountCheck[] = [
  function rootStays({ input, destination }) {
    if (input.destination === '') return ['destination', 'must not be empty']
    if (destination === '/') return ['destination', 'nothing can be mounted over `/`; `root.path` says what is there']
  },
  function typeIsGiven({ type, isBind, options }) {
    if (type === undefined && !isBind && !options.remount) {
      return ['type', 'is missing; only a bind mount (`bind` or `rbind` in `options`) does without']
    }
  },
  function sourceIsGiven({ input, isBind, options }) {
    if (isBind && !options.remount && !input.source) return ['source', 'is missing; a bind mount needs one']
  },
  function procIsProcfs({ destination, type, isBind, options }) {
    if (destination === '/proc' && type !== 'proc' && !isBind && !options.remount) {
      return ['type', `\`${type}\` can not be mounted at \`/proc\`, only \`proc\` and a bind mount of one can`]
    }
  },
  function procIsLeftAlone({ destination }) {
    if (destination === '/proc' || !isWithin(destination, '/proc')) return
    if (!mountableInProc.includes(destination.slice('/proc/'.length))) {
      return ['destination', `\`${destination}\` is inside \`/proc\`, where only ${mountableInProc.join(', ')} can be`]
    }
  },
  function bindHasNoData({ isBind, options: { data } }) {
    if (!isBind || data.length === 0) return
    const words = data.map(({ key, value }) => `\`${value === undefined ? key : `${key}=${value}`}\``)
    return ['options', `bind mounts cannot have filesystem-specific options: ${words.join(', ')}`]
  },
  function copyUpIsTmpfs({ type, isBind, options }) {
    if (options.tmpcopyup && (isBind || type !== 'tmpfs')) return ['options', '`tmpcopyup` is for `tmpfs` only']
  },
]

function wantsIdmap({ input: { uidMappings, gidMappings }, options }: MountEntry): boolean {
  return options.idmap !== false || Boolean(uidMappings?.length || gidMappings?.length)
}

function placed({ pointer, destination, options, isBind, type }: MountEntry): Placed {
  return {
    pointer,
    destination,
    target: isBind ? 'like-source' : 'directory',
    needsRealTarget: !isBind && (type === 'proc' || type === 'sysfs'),
    noFollowTarget: options.destNofollow,
    attributes: options.attributes,
    recursiveAttributes: options.recursive,
    propagation: options.propagation,
  }
}

function bind(entry: MountEntry, context: MountContext): BindStep {
  const { input, destination, options } = entry
  const source = resolve(context.bundle, input.source!)
  return {
    op: 'bind',
    ...placed(entry),
    attributes: released(options, context),
    source,
    sourceInside: pathInside(source, context.rootfs),
    recursive: options.bind === 'rbind',
    noFollowSource: options.srcNofollow,
    copySymlink: options.copySymlink,
    requireProcfs: destination === '/proc',
    idmap: idmap(entry, context),
    mayBeLocked: context.mayBeRefused,
  }
}

/** A path of the host that leads into the root file system, as the container has it. */
function pathInside(path: string, rootfs: string): string | undefined {
  return rootfs === '/' || !isWithin(path, rootfs) ? undefined : path.slice(rootfs.length) || '/'
}

/** What keeps a mount from being used: a bind loses it when its options speak of the mount at all. */
const RESTRICTIONS =
  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW
/** A user namespace has the others locked. */
const NEVER_LOCKED = MOUNT_ATTR_NOSYMFOLLOW

/**
 * The attributes of a bind: where the options name any, even `rw`, the restrictions of the source that they do not ask for
 * are gone, as in crun and runc, so that a program in a noexec volume runs. The two differ about `ro` and about what a user
 * namespace locks: there the restrictions stay.
 */
function released({ attributes, named }: MountOptions, { hasUserNamespace }: MountContext): Attributes {
  const { set, clear } = attributes
  if (!named || (set & MOUNT_ATTR_RDONLY) !== 0) return attributes
  return { set, clear: clear | ((hasUserNamespace ? NEVER_LOCKED : RESTRICTIONS) & ~set) }
}

function idmap(entry: MountEntry, context: MountContext): IdmapPlan | undefined {
  if (!wantsIdmap(entry)) return undefined
  const { input, options, pointer } = entry
  const recursive = options.idmap === 'ridmap'
  if (input.uidMappings?.length) return { recursive, mappings: { uid: input.uidMappings, gid: input.gidMappings! } }
  if (options.idmapText === undefined) return { recursive, mappings: 'container' }
  return { recursive, mappings: parseInlineMappings(options.idmapText, context.idMappings, `${pointer}/options`) }
}

function filesystem(entry: MountEntry, context: MountContext): FilesystemStep {
  const { input, options } = entry
  const type = entry.type!
  const isTmpfs = type === 'tmpfs'
  const parameters = parametersFor(entry, context)
  const label = labelMount(context.label, type, parameters, context.hasUserNamespace)
  const readonlyLate = (isTmpfs || type === 'ramfs') && (options.attributes.set & MOUNT_ATTR_RDONLY) !== 0
  return {
    op: 'filesystem',
    ...placed(entry),
    // A new mount has no attribute yet to be cleared.
    attributes: { set: options.attributes.set & ~(readonlyLate ? MOUNT_ATTR_RDONLY : 0), clear: 0 },
    type,
    source: input.source || type,
    flags: options.superblock.filter(
      flag => !defaultFlags.includes(flag) && !(flag === 'ro' && readonlyByMount.includes(type)),
    ),
    parameters: label.parameter === undefined ? parameters : [...parameters, label.parameter],
    rootLabel: label.attribute,
    inheritMode: isTmpfs && !options.data.some(({ key }) => key === 'mode'),
    copyUp: options.tmpcopyup,
    readonlyLate,
    fallback: fallback(entry, context),
  }
}

function parametersFor({ type, options }: MountEntry, context: MountContext): readonly Parameter[] {
  if (type !== 'devpts' || context.gidMapped(5)) return options.data
  // Group 5 is tty nearly everywhere, and the kernel refuses a group that the user namespace does not map.
  return options.data.filter(({ key, value }) => !(key === 'gid' && value === '5'))
}

function fallback({ type, options }: MountEntry, context: MountContext): Fallback | undefined {
  if (type === 'sysfs' && context.mayBeRefused) {
    return { on: ['EPERM'], source: 'sys', recursiveAttributes: inherited(options.attributes) }
  }
  if (type !== 'cgroup2' || !context.mayBeRefused) return undefined
  if (context.cgroupNamespace) {
    return { on: ['EPERM', 'EBUSY'], source: 'own-cgroup', recursiveAttributes: inherited(options.attributes) }
  }
  // Without a namespace this is the host's tree: never writable, whatever the options say (CVE-2023-25809).
  const { set } = inherited(options.attributes)
  return {
    on: ['EPERM', 'EBUSY'],
    source: 'cgroup-root',
    recursiveAttributes: { set: set | MOUNT_ATTR_RDONLY, clear: 0 },
  }
}

/** A user namespace may add to the attributes of mounts that it got from outside, but not touch the access time. */
function inherited({ set }: Attributes): Attributes {
  return { set: set & ~MOUNT_ATTR__ATIME, clear: 0 }
}

/** A new sysfs shows the network namespace and needs the rights over it, which the container does not have here. */
function hostSysfs(entry: MountEntry): BindStep {
  return {
    op: 'bind',
    ...placed(entry),
    attributes: { set: 0, clear: 0 },
    recursiveAttributes: inherited({ set: entry.options.attributes.set | entry.options.recursive.set, clear: 0 }),
    source: '/sys',
    sourceInside: undefined,
    recursive: true,
    noFollowSource: false,
    copySymlink: false,
    requireProcfs: false,
    idmap: undefined,
    mayBeLocked: true,
  }
}

function remount(entry: MountEntry): RemountStep {
  const { options, isBind, destination } = entry
  const { set, clear } = options.attributes
  const readonlyLate = destination === '/dev' && (set & MOUNT_ATTR_RDONLY) !== 0
  return {
    op: 'remount',
    ...placed(entry),
    attributes: { set: set & ~(readonlyLate ? MOUNT_ATTR_RDONLY : 0), clear },
    target: 'directory',
    needsRealTarget: false,
    mountOnly: isBind,
    flags: isBind ? [] : options.superblock.filter(flag => !(readonlyLate && flag === 'ro')),
    parameters: isBind ? [] : options.data,
    readonlyLate,
  }
}
