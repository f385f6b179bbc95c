// Random configurations that are valid, as changes to the base configuration: what is not drawn stays as it is, so that
// a counterexample shrinks to the few properties that matter.

import fc from 'fast-check'
import { baseConfig, type Config, type Mount } from '../lib/config.ts'
import { PROBE_SCRIPT } from './probe.ts'

/** Prepared by the runner: a directory and a file of the host, for bind mounts. */
export interface Sources {
  readonly directory: string
  readonly file: string
}

const CAPABILITIES = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_KILL',
  'CAP_MKNOD',
  'CAP_NET_ADMIN',
  'CAP_NET_BIND_SERVICE',
  'CAP_NET_RAW',
  'CAP_SETFCAP',
  'CAP_SETGID',
  'CAP_SETPCAP',
  'CAP_SETUID',
  'CAP_SYS_ADMIN',
  'CAP_SYS_CHROOT',
] as const

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 })
const oneOf = <T>(...values: T[]) => fc.constantFrom(...values)
const some = <T>(values: readonly T[], maxLength = values.length) =>
  fc.subarray([...values], { maxLength: Math.min(maxLength, values.length) })

const user = fc.record({
  uid: oneOf(0, 1, 1000, 65_534),
  gid: oneOf(0, 5, 1000, 65_534),
  umask: optional(oneOf(0, 0o22, 0o27, 0o77, 0o777)),
  additionalGids: optional(some([5, 10, 1000, 4242])),
})

const capabilities = fc
  .record({
    bounding: some(CAPABILITIES),
    effective: some(CAPABILITIES),
    permitted: some(CAPABILITIES),
    inheritable: some(CAPABILITIES, 4),
    ambient: some(CAPABILITIES, 4),
  })
  // Where the kernel refuses a set the peers give up; tsrun leaves out what can't be had, with a warning, as config.md says.
  .map(({ bounding, effective, permitted, inheritable, ambient }) => {
    const inherited = inheritable.filter(name => bounding.includes(name))
    return {
      bounding,
      effective: effective.filter(name => permitted.includes(name)),
      permitted,
      inheritable: inherited,
      ambient: ambient.filter(name => permitted.includes(name) && inherited.includes(name)),
    }
  })

/** Below what the machine's own hard limits are: raising one may need a capability that this machine lacks. */
const LIMITS = {
  RLIMIT_NOFILE: [64, 1000],
  RLIMIT_CORE: [0, 4096],
  RLIMIT_FSIZE: [1 << 20, 1 << 30],
  RLIMIT_STACK: [1 << 20, 8 << 20],
  RLIMIT_MEMLOCK: [0, 65_536],
  RLIMIT_SIGPENDING: [10, 100],
  RLIMIT_CPU: [100, 1000],
} as const

const rlimits = some(Object.keys(LIMITS) as (keyof typeof LIMITS)[]).chain(types =>
  fc.tuple(
    ...types.map(type => {
      const [low, high] = LIMITS[type]
      const values = fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }))
      return values.map(([a, b]) => ({ type, soft: Math.min(a, b), hard: Math.max(a, b) }))
    }),
  ),
)

const scheduler = oneOf(
  { policy: 'SCHED_OTHER', nice: 5 },
  { policy: 'SCHED_BATCH', nice: 1 },
  { policy: 'SCHED_IDLE' },
)
const ioPriority = fc.record({
  class: oneOf('IOPRIO_CLASS_BE', 'IOPRIO_CLASS_IDLE'),
  priority: fc.integer({ min: 0, max: 7 }),
})

const DESTINATIONS = ['/tmp', '/mnt', '/mnt/a', '/mnt/a/b', '/run', '/var/x', '/home/y', '/etc', '/link/below']
/** Without nosymfollow, which the peers take for few mounts and forget in the next step. */
const FLAGS = ['nosuid', 'nodev', 'noexec', 'ro', 'nodiratime', 'sync']
/** One at most: of several the last counts for tsrun, as for mount(8), and noatime for the peers. */
const ACCESS_TIME = ['noatime', 'relatime', 'strictatime']
const flagsOfMount = fc.tuple(some(FLAGS, 3), some(ACCESS_TIME, 1)).map(([flags, time]) => [...flags, ...time])
const PROPAGATION = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared', 'unbindable', 'runbindable']

const tmpfs: fc.Arbitrary<Mount> = fc.record({
  destination: oneOf(...DESTINATIONS),
  type: fc.constant('tmpfs'),
  source: oneOf('tmpfs', 'words'),
  options: fc
    .tuple(flagsOfMount, some(['size=1m', 'mode=1777', 'mode=0700', 'nr_inodes=100', 'uid=1000', 'gid=5'], 2))
    .map(([flags, data]) => [...flags, ...data]),
})

const bind = ({ directory, file }: Sources): fc.Arbitrary<Mount> =>
  fc
    .record({
      onFile: fc.boolean(),
      where: oneOf(...DESTINATIONS),
      how: oneOf('bind', 'rbind'),
      flags: flagsOfMount,
      propagation: optional(oneOf(...PROPAGATION)),
    })
    .map(({ onFile, where, how, flags, propagation }) => ({
      destination: onFile ? `${where}/file` : where,
      type: 'bind',
      source: onFile ? file : directory,
      options: [how, ...flags, ...(propagation ? [propagation] : [])],
    }))

const special: fc.Arbitrary<Mount> = oneOf<Mount>(
  { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
  { destination: '/mnt', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
  { destination: '/mnt', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0600', 'mode=600'] },
)

const PATHS = [
  '/proc/kcore',
  '/proc/keys',
  '/proc/sys',
  '/proc/latency_stats',
  '/etc',
  '/etc/passwd',
  '/home',
  '/nowhere',
  '/tmp',
]

const device = fc
  .record({
    path: oneOf('/dev/mine', '/dev/deep/mine', '/dev/other'),
    type: oneOf('c', 'u', 'p'),
    major: fc.constant(1),
    minor: oneOf(3, 5, 8),
    fileMode: optional(oneOf(0o600, 0o660, 0o444, 0o777)),
    uid: optional(oneOf(0, 1000)),
    gid: optional(oneOf(0, 5)),
  })
  .map(({ major, minor, ...rest }) => (rest.type === 'p' ? rest : { ...rest, major, minor }))

const seccomp = fc.record({
  defaultAction: fc.constant('SCMP_ACT_ALLOW'),
  architectures: optional(fc.constant(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'])),
  syscalls: fc.array(
    fc.record({
      names: oneOf(['mkdir', 'mkdirat'], ['sethostname'], ['chmod', 'fchmodat', 'fchmodat2'], ['no_such_call']),
      action: fc.constant('SCMP_ACT_ERRNO'),
      errnoRet: optional(oneOf(1, 13, 38, 95)),
    }),
    { maxLength: 2 },
  ),
})

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,14}[a-z0-9]$/)

/** What is drawn; undefined where the base stays. */
const draw = (sources: Sources) =>
  fc.record({
    user: optional(user),
    cwd: optional(oneOf('/', '/tmp', '/made/for/it', '/home', '/link')),
    env: optional(
      fc.array(oneOf('A=1', 'A=2', 'B=', 'HOME=/elsewhere', 'TERM=dumb', 'C==', 'D=x y'), { maxLength: 4 }),
    ),
    capabilities: optional(capabilities),
    rlimits: optional(rlimits),
    noNewPrivileges: optional(fc.boolean()),
    oomScoreAdj: optional(fc.integer({ min: 0, max: 1000 })),
    scheduler: optional(scheduler),
    ioPriority: optional(ioPriority),
    readonlyRoot: optional(fc.boolean()),
    hostname: optional(name),
    domainname: optional(name),
    rootfsPropagation: optional(oneOf(...PROPAGATION)),
    without: some(['network', 'ipc', 'uts', 'pid'], 2),
    cgroupNamespace: fc.boolean(),
    timeOffsets: optional(fc.record({ monotonic: fc.record({ secs: fc.integer({ min: 0, max: 1000 }) }) })),
    mappings: optional(oneOf(0, 100_000)),
    mounts: fc.array(fc.oneof(tmpfs, bind(sources), bind(sources), special), { maxLength: 4 }),
    maskedPaths: optional(
      some(
        PATHS.filter(path => path !== '/proc/sys'), // runc needs it itself
        4,
      ),
    ),
    readonlyPaths: optional(some(PATHS, 4)),
    devices: optional(fc.uniqueArray(device, { maxLength: 2, selector: ({ path }) => path })),
    sysctl: optional(
      some(
        ['net.ipv4.ip_forward=1', 'net.ipv4.conf.all.forwarding=1', 'kernel.msgmax=9000', 'fs.mqueue.msg_max=20'],
        2,
      ),
    ),
    personality: optional(fc.constant({ domain: 'LINUX32' })),
    seccomp: optional(seccomp),
    terminalLess: fc.constant(true),
  })

type Drawn = ReturnType<typeof draw> extends fc.Arbitrary<infer T> ? T : never

/** What sysctl belongs to which namespace. */
const ofNamespace = (key: string) => (key.startsWith('net.') ? 'network' : 'ipc')

function toConfig(drawn: Drawn): Config {
  const config = baseConfig(['sh', '-c', PROBE_SCRIPT])
  const { process, linux } = config
  const set = <T extends object>(target: T, values: Partial<Record<string, unknown>>) => {
    for (const [key, value] of Object.entries(values)) if (value !== undefined) Object.assign(target, { [key]: value })
  }
  const mapped = drawn.mappings !== undefined
  const types = ['pid', 'network', 'ipc', 'uts', 'mount'].filter(type => !drawn.without.includes(type as 'pid'))
  if (drawn.cgroupNamespace) types.push('cgroup')
  if (drawn.timeOffsets) types.push('time')
  if (mapped) {
    types.push('user')
    // The whole range, so that every id of the configuration exists; a shifted one makes the root belong to nobody.
    const map = [{ containerID: 0, hostID: drawn.mappings!, size: 70_000 }]
    set(linux, { uidMappings: map, gidMappings: map })
  }
  set(process, {
    user: drawn.user,
    cwd: drawn.cwd,
    capabilities: drawn.capabilities,
    rlimits: drawn.rlimits,
    noNewPrivileges: drawn.noNewPrivileges,
    oomScoreAdj: drawn.oomScoreAdj,
    scheduler: drawn.scheduler,
    ioPriority: drawn.ioPriority,
  })
  process.env.push(...(drawn.env ?? []))
  if (drawn.readonlyRoot !== undefined) config.root.readonly = drawn.readonlyRoot
  const uts = types.includes('uts')
  if (!uts) delete config.hostname
  set(config, { hostname: uts ? drawn.hostname : undefined, domainname: uts ? drawn.domainname : undefined })
  config.mounts.push(...drawn.mounts)
  const sysctl = drawn.sysctl?.map(entry => entry.split('=')).filter(([key]) => types.includes(ofNamespace(key!)))
  set(linux, {
    namespaces: types.map(type => ({ type })),
    rootfsPropagation: drawn.rootfsPropagation,
    maskedPaths: drawn.maskedPaths,
    readonlyPaths: drawn.readonlyPaths,
    timeOffsets: drawn.timeOffsets,
    devices: drawn.devices,
    sysctl: sysctl && Object.fromEntries(sysctl),
    personality: drawn.personality,
    seccomp: drawn.seccomp,
  })
  return JSON.parse(JSON.stringify(config)) as Config // without undefined
}

/** Valid configurations whose program is the probe. */
export const validConfigs = (sources: Sources): fc.Arbitrary<Config> => draw(sources).map(toConfig)
