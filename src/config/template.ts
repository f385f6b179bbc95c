// What `tsrun spec` writes: the same default as that of runc.

import type { Config, Linux, Mount, NamespaceType, Process } from '../../spec/generated/config.ts'

/** An entry of the host's root directory, such as `/usr`; on many hosts `/bin` is a symbolic link into it. */
export interface HostEntry {
  path: string
  kind: 'directory' | 'symlink'
  target?: string | undefined
}

export interface TemplateOptions {
  /** For a user without privileges: their ids, which become root inside. */
  rootless?: { uid: number; gid: number }
  /** Use the host's programs instead of an image. Directories are bound; the caller makes the links in the root. */
  hostRootfs?: { entries: readonly HostEntry[] }
  /** With a terminal, as crun and runc have it. */
  terminal?: boolean
}

/** The config.json of a new bundle. */
export function specTemplate({ rootless, hostRootfs, terminal = false }: TemplateOptions = {}): Config {
  const linux = rootless ? rootlessLinux(rootless) : privilegedLinux()
  const mounts = kernelMounts(rootless !== undefined)
  const config: Config = {
    ociVersion: '1.3.0',
    process: shell(hostRootfs ? '/bin/sh' : 'sh', terminal),
    root: { path: 'rootfs', readonly: true },
    hostname: 'tsrun',
    mounts,
    linux,
  }
  if (hostRootfs === undefined) return config
  return {
    ...config,
    mounts: [...hostMounts(hostRootfs.entries), ...mounts, ...scratchMounts()],
    linux: { ...linux, maskedPaths: [...maskedPaths(), ...hostSecrets()] },
  }
}

/** The text of such a file. */
export function specText(config: Config): string {
  return `${JSON.stringify(config, undefined, 2)}\n`
}

function shell(program: string, terminal: boolean): Process {
  const capabilities = () => ['CAP_AUDIT_WRITE', 'CAP_KILL', 'CAP_NET_BIND_SERVICE']
  return {
    terminal,
    user: { uid: 0, gid: 0 },
    args: [program],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'TERM=xterm'],
    cwd: '/',
    capabilities: { bounding: capabilities(), effective: capabilities(), permitted: capabilities() },
    rlimits: [{ type: 'RLIMIT_NOFILE', hard: 1024, soft: 1024 }],
    noNewPrivileges: true,
  }
}

function mount(destination: string, type: string, source: string, ...options: string[]): Mount {
  return options.length === 0 ? { destination, type, source } : { destination, type, source, options }
}

function kernelMounts(rootless: boolean): Mount[] {
  // The group tty has id 5 everywhere, but a single mapped id does not include it.
  const terminals = ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...(rootless ? [] : ['gid=5'])]
  const safe = ['nosuid', 'noexec', 'nodev']
  return [
    mount('/proc', 'proc', 'proc'),
    mount('/dev', 'tmpfs', 'tmpfs', 'nosuid', 'strictatime', 'mode=755', 'size=65536k'),
    mount('/dev/pts', 'devpts', 'devpts', ...terminals),
    mount('/dev/shm', 'tmpfs', 'shm', ...safe, 'mode=1777', 'size=65536k'),
    mount('/dev/mqueue', 'mqueue', 'mqueue', ...safe),
    // Only the owner of the network namespace may mount a sysfs, and rootless that is the host's.
    rootless ? mount('/sys', 'none', '/sys', 'rbind', ...safe, 'ro') : mount('/sys', 'sysfs', 'sysfs', ...safe, 'ro'),
    mount('/sys/fs/cgroup', 'cgroup', 'cgroup', ...safe, 'relatime', 'ro'),
  ]
}

function namespaces(...types: NamespaceType[]): Linux {
  return {
    namespaces: types.map(type => ({ type })),
    maskedPaths: maskedPaths(),
    readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
  }
}

function privilegedLinux(): Linux {
  return {
    resources: { devices: [{ allow: false, access: 'rwm' }] },
    ...namespaces('pid', 'network', 'ipc', 'uts', 'mount', 'cgroup'),
  }
}

function rootlessLinux({ uid, gid }: { uid: number; gid: number }): Linux {
  return {
    uidMappings: [{ containerID: 0, hostID: uid, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: gid, size: 1 }],
    ...namespaces('pid', 'ipc', 'uts', 'mount', 'cgroup', 'user'),
  }
}

/** Files of the kernel that tell about the host, or that slow it down when they are read. */
function maskedPaths(): string[] {
  return [
    '/proc/acpi',
    '/proc/asound',
    '/proc/interrupts',
    '/proc/kcore',
    '/proc/keys',
    '/proc/latency_stats',
    '/proc/sched_debug',
    '/proc/scsi',
    '/proc/timer_list',
    '/proc/timer_stats',
    '/sys/devices/virtual/powercap',
    '/sys/firmware',
  ]
}

function hostMounts(entries: readonly HostEntry[]): Mount[] {
  return entries
    .filter(({ kind }) => kind === 'directory')
    .map(({ path }) => mount(path, 'none', path, 'rbind', 'rro', 'nosuid', 'nodev'))
}

function scratchMounts(): Mount[] {
  return [
    mount('/tmp', 'tmpfs', 'tmpfs', 'nosuid', 'nodev', 'mode=1777'),
    mount('/run', 'tmpfs', 'tmpfs', 'nosuid', 'nodev', 'mode=755'),
    mount('/root', 'tmpfs', 'tmpfs', 'nosuid', 'nodev', 'mode=700'),
  ]
}

/** What a program that sees the host's /etc must not read, even as root. */
function hostSecrets(): string[] {
  return [
    '/etc/shadow',
    '/etc/shadow-',
    '/etc/gshadow',
    '/etc/gshadow-',
    '/etc/security/opasswd',
    '/etc/ssh',
    '/etc/ssl/private',
    '/etc/pki/tls/private',
    '/etc/krb5.keytab',
    '/etc/sudoers',
    '/etc/sudoers.d',
    '/etc/wireguard',
    '/etc/NetworkManager/system-connections',
  ]
}
