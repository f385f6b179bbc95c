import { DEVPTS_SUPER_MAGIC, SELINUX_MAGIC } from '../../native/abi/wait.ts'
import type { Config } from '../../spec/generated/config.ts'
import { createRuntime, type Runtime } from '../../src/runtime.ts'
import type { FileNode } from '../scripted/nodes.ts'
import { OpenListener } from '../scripted/open.ts'
import { resctrlGroup } from '../scripted/resctrl.ts'
import { LOADED_PROFILE } from '../scripted/security.ts'
import { createScriptedHost, directoryAt, fileAt, type Script, type ScriptedHost } from '../scripted.ts'

// The host and the configurations of faults.exhaustive.test.ts.

export const ROOT = '/run/tsrun'
export const CGROUPS = '/sys/fs/cgroup'
export const RESCTRL = '/sys/fs/resctrl'
export const ID = 'web'
const CONSOLE = '/run/console'

type Namespaces = NonNullable<NonNullable<Config['linux']>['namespaces']>

const namespaces = (...types: string[]) => types.map(type => ({ type })) as Namespaces
const hook = { path: '/hook', args: ['hook', 'now'], timeout: 5 }
const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }]

/** A configuration with something of everything. */
function rich(): Config {
  return {
    ociVersion: '1.3.0',
    process: {
      user: { uid: 5, gid: 6, additionalGids: [7] },
      args: ['sh', '-c', 'true'],
      env: ['PATH=/bin'],
      cwd: '/work',
      capabilities: { bounding: ['CAP_KILL'], effective: ['CAP_KILL'], permitted: ['CAP_KILL'] },
      rlimits: [
        { type: 'RLIMIT_NOFILE', soft: 64, hard: 64 },
        { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      ],
      noNewPrivileges: true,
      oomScoreAdj: 10,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'web',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      { destination: '/data', type: 'bind', source: '/srv/data', options: ['rbind', 'ro', 'nosuid'] },
      { destination: '/etc/hosts', type: 'bind', source: '/srv/hosts', options: ['bind', 'rslave'] },
    ],
    linux: {
      namespaces: namespaces('pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'),
      devices: [{ type: 'c', path: '/dev/fuse', major: 10, minor: 229, fileMode: 0o666, uid: 1, gid: 2 }],
      maskedPaths: ['/masked', '/secret'],
      readonlyPaths: ['/fixed'],
      sysctl: { 'net.ipv4.ip_forward': '1' },
      seccomp: { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['reboot'], action: 'SCMP_ACT_ERRNO' }] },
      resources: { devices: [{ allow: false, access: 'rwm' }] },
    },
  }
}

/** Hooks of every kind but poststart and poststop, which do not belong to create. */
function withHooks(): Config {
  const hooks = { prestart: [hook], createRuntime: [hook], createContainer: [hook], startContainer: [hook] }
  return { ...rich(), hooks }
}

/** A user namespace, an id-mapped mount, and a cgroup that is deeper down. */
function withUserNamespace(): Config {
  const { linux, mounts, ...config } = rich()
  const { resources: _, ...rest } = linux!
  return {
    ...config,
    mounts: [
      ...mounts!,
      {
        destination: '/mapped',
        type: 'bind',
        source: '/srv/data',
        options: ['bind', 'idmap'],
        uidMappings: mappings,
        gidMappings: mappings,
      },
    ],
    linux: {
      ...rest,
      namespaces: namespaces('pid', 'ipc', 'uts', 'mount', 'user'),
      uidMappings: mappings,
      gidMappings: mappings,
      sysctl: {},
      cgroupsPath: '/pod/web',
    },
  }
}

/** Joined namespaces and clocks of its own: the first process is reached step by step. */
function stepwise(): Config {
  const { linux, ...config } = rich()
  const joined = [{ type: 'network' as const, path: '/run/netns/other' }]
  return {
    ...config,
    linux: {
      ...linux,
      namespaces: [...namespaces('pid', 'time', 'user', 'mount', 'uts'), ...joined],
      timeOffsets: { monotonic: { secs: 100 } },
      uidMappings: mappings,
      gidMappings: mappings,
    },
  }
}

/** Limits, below a cgroup that is made for them, and a cgroup that the container manages itself. */
function withLimits(): Config {
  const { linux, mounts, ...config } = rich()
  const resources = {
    ...linux!.resources,
    memory: { limit: 1 << 20, swap: 1 << 21, reservation: 1 << 19, checkBeforeUpdate: true },
    pids: { limit: 5 },
    blockIO: { weight: 100 },
    unified: { 'cpu.weight': '7' },
  }
  const cgroups = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup' }
  return { ...config, mounts: [...mounts!, cgroups], linux: { ...linux, resources, cgroupsPath: '/pod/deep/web' } }
}

/** An unprivileged user, who maps only the own id. */
function rootless(): Config {
  const { linux, process, ...config } = rich()
  const { devices: _, sysctl: __, ...rest } = linux!
  const own = [{ containerID: 0, hostID: 1000, size: 1 }]
  return {
    ...config,
    process: { ...process!, user: { uid: 0, gid: 0 } },
    linux: { ...rest, namespaces: namespaces('pid', 'mount', 'user', 'uts'), uidMappings: own, gidMappings: own },
  }
}

export interface SceneVariant {
  readonly name: string
  readonly config: Config
  readonly script: Script
  /** Where somebody listens for the terminal. */
  readonly consoleSocket?: string
}

/** Labels, scheduling, and a group of its own in resctrl. */
function confined(): Config {
  const { linux, process, ...config } = rich()
  return {
    ...config,
    process: {
      ...process!,
      apparmorProfile: LOADED_PROFILE,
      selinuxLabel: 'u:r:t:s0:c1,c2',
      scheduler: { policy: 'SCHED_BATCH', nice: 5 },
      ioPriority: { class: 'IOPRIO_CLASS_BE', priority: 6 },
    },
    linux: {
      ...linux,
      mountLabel: 'u:r:t:s0:c1,c2',
      memoryPolicy: { mode: 'MPOL_INTERLEAVE', nodes: '0' },
      personality: { domain: 'LINUX32' },
      intelRdt: { l3CacheSchema: 'L3:0=f', enableMonitoring: true },
    },
  }
}

/** A terminal, and a size for it. */
function onTerminal(): Config {
  const { process, ...config } = rich()
  return { ...config, process: { ...process!, terminal: true, consoleSize: { height: 24, width: 80 } } }
}

export const plain: SceneVariant = { name: 'without hooks', config: rich(), script: {} }
/** Where the kernel makes a mount namespace of the root alone. */
export const onLinux7: SceneVariant = { name: 'on Linux 7', config: rich(), script: { release: '7.2.13-amd64' } }
export const variants: readonly SceneVariant[] = [
  plain,
  { name: 'with hooks', config: withHooks(), script: {} },
  { name: 'with a user namespace', config: withUserNamespace(), script: {} },
  { name: 'step by step', config: stepwise(), script: {} },
  { name: 'with limits', config: withLimits(), script: {} },
  { name: 'without privileges', config: rootless(), script: { uid: 1000 } },
  { name: 'confined', config: confined(), script: {} },
  { name: 'with a terminal', config: onTerminal(), script: {}, consoleSocket: CONSOLE },
]

export interface Scene extends Disposable {
  readonly host: ScriptedHost
  readonly runtime: Runtime
  readonly warnings: string[]
  readonly consoleSocket: string | undefined
}

/** A host with a bundle that has this configuration. */
export function scene({ config, script, consoleSocket }: Omit<SceneVariant, 'name'>): Scene {
  const host = createScriptedHost({ ...script, programs: { '/hook': { exit: 0, says: 'done' }, ...script.programs } })
  const { root } = host.world
  fileAt(root, '/bundle/config.json', JSON.stringify(config))
  fileAt(root, '/bundle/rootfs/bin/sh', '', 0o755)
  for (const path of ['/bundle/rootfs/masked', '/bundle/rootfs/fixed', '/srv/data']) directoryAt(root, path)
  for (const path of ['/bundle/rootfs/secret', '/srv/hosts']) fileAt(root, path)
  for (const path of ['/hook', '/bundle/rootfs/hook']) fileAt(root, path, '', 0o755)
  for (const name of ['zero', 'full', 'random', 'urandom', 'tty', 'fuse']) fileAt(root, `/dev/${name}`)
  fileAt(root, '/sys/module/apparmor/parameters/enabled', 'Y\n')
  fileAt(root, '/run/netns/other')
  directoryAt(root, '/sys/fs/selinux').magic = SELINUX_MAGIC
  fileAt(root, '/bundle/rootfs/dev/pts/ptmx')
  directoryAt(root, '/bundle/rootfs/dev/pts').magic = DEVPTS_SUPER_MAGIC
  directoryAt(root, '/sys/fs').add('resctrl', resctrlGroup(host.world))
  const warnings: string[] = []
  const runtime = createRuntime(host, { root: ROOT, warn: text => warnings.push(text) })
  if (consoleSocket !== undefined) listenAt(root, consoleSocket)
  return { host, runtime, warnings, consoleSocket, [Symbol.dispose]: () => host[Symbol.dispose]() }
}

function listenAt(root: FileNode, path: string): void {
  fileAt(root, path).listener = Object.assign(new OpenListener(), { listening: true })
}

/** What a container should not leave behind. */
export function leftovers(host: ScriptedHost): string[] {
  return [
    ...host.descriptors().map(text => `descriptor ${text}`),
    ...host.living().map(text => `process ${text}`),
    ...host.zombies().map(text => `zombie ${text}`),
    ...host.below(ROOT),
    ...[CGROUPS, RESCTRL].flatMap(root => host.below(root)).filter(path => path.includes(ID)),
  ]
}
