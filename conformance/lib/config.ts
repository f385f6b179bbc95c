// The parts of config.json that cases touch. Written by hand: a test that borrows the runtime's own types would share
// its mistakes.

export interface Mount {
  destination: string
  type?: string
  source?: string
  options?: string[]
  uidMappings?: IdMap[]
  gidMappings?: IdMap[]
}

export interface IdMap {
  containerID: number
  hostID: number
  size: number
}

export interface Hook {
  path: string
  args?: string[]
  env?: string[]
  timeout?: number
}

export interface Device {
  type: string
  path: string
  major?: number
  minor?: number
  fileMode?: number
  uid?: number
  gid?: number
}

export interface DeviceRule {
  allow: boolean
  type?: string
  major?: number
  minor?: number
  access?: string
}

export interface Config {
  ociVersion: string
  process: {
    terminal?: boolean
    user: { uid: number; gid: number; umask?: number; additionalGids?: number[] }
    args: string[]
    env: string[]
    cwd: string
    capabilities?: Record<string, string[]>
    rlimits?: { type: string; soft: number; hard: number }[]
    noNewPrivileges?: boolean
    oomScoreAdj?: number
    [other: string]: unknown
  }
  root: { path: string; readonly?: boolean }
  hostname?: string
  domainname?: string
  mounts: Mount[]
  hooks?: Record<string, Hook[]>
  annotations?: Record<string, string>
  linux: {
    namespaces: { type: string; path?: string }[]
    uidMappings?: IdMap[]
    gidMappings?: IdMap[]
    timeOffsets?: Record<string, { secs?: number; nanosecs?: number }>
    devices?: Device[]
    cgroupsPath?: string
    resources?: { devices?: DeviceRule[]; [limit: string]: unknown }
    rootfsPropagation?: string
    sysctl?: Record<string, string>
    maskedPaths?: string[]
    readonlyPaths?: string[]
    [other: string]: unknown
  }
}

const GRANTED = ['bounding', 'effective', 'permitted']
const CAPABILITIES = ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE']

/** A container as `spec` would describe it, without a terminal. Each call gives a fresh object to change. */
export function baseConfig(args: string[] = ['true']): Config {
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args,
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      cwd: '/',
      capabilities: Object.fromEntries(GRANTED.map(set => [set, [...CAPABILITIES]])),
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: 'rootfs' },
    hostname: 'inside',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      {
        destination: '/dev',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
      },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
      },
      {
        destination: '/dev/shm',
        type: 'tmpfs',
        source: 'shm',
        options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'],
      },
      { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    ],
    linux: {
      resources: { devices: [{ allow: false, access: 'rwm' }] },
      namespaces: ['pid', 'network', 'ipc', 'uts', 'mount'].map(type => ({ type })),
      maskedPaths: ['/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  }
}

/** Gives root inside these capabilities, too. */
export function grantRights({ process }: Config, names: readonly string[]): void {
  for (const set of GRANTED) process.capabilities![set]!.push(...names)
}
