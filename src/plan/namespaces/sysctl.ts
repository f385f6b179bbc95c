import { ConfigError } from '../../errors.ts'

/** What decides whether a sysctl is the container's own: the namespaces that are not the host's. */
export interface SysctlContext {
  readonly ipc: boolean
  readonly network: boolean
  readonly uts: boolean
  readonly user: boolean
  /** `domainname` of config.json. */
  readonly domainname?: string | undefined
}

/** One write below /proc/sys. */
export interface SysctlStep {
  /** As in config.json. */
  readonly key: string
  /** Relative to /proc/sys, `net/ipv4/ip_forward`. */
  readonly path: string
  /** Where else it may be, when the key has both separators and there is no such file: `net.ipv4/ip_forward`. */
  readonly otherwise?: string
  readonly value: string
}

type SysctlNamespace = 'ipc' | 'network' | 'uts' | 'user'

/** Which namespace a sysctl belongs to: a whole path, or a directory with `/` at its end. */
const namespaced: Readonly<Record<string, SysctlNamespace>> = {
  'kernel/msgmax': 'ipc',
  'kernel/msgmnb': 'ipc',
  'kernel/msgmni': 'ipc',
  'kernel/sem': 'ipc',
  'kernel/shmall': 'ipc',
  'kernel/shmmax': 'ipc',
  'kernel/shmmni': 'ipc',
  'kernel/shm_rmid_forced': 'ipc',
  'fs/mqueue/': 'ipc',
  'net/': 'network',
  'kernel/domainname': 'uts',
  'user/': 'user',
}

/**
 * The files below /proc/sys that a key may mean, the likelier first. The first separator decides, see sysctl.d(5): in
 * `net/ipv4/conf/e.1/x` the dots are part of names; in `net.ipv4.conf.e/1.x` each `/` stands for such a dot. To crun and
 * runc both separate, wherever they are: that is the second. None when a name steps out of its directory, or one at the end is empty.
 */
export function sysctlPaths(key: string): readonly string[] {
  const separator = /[./]/.exec(key)?.[0]
  const names = separator === '.' ? key.split('.').map(name => name.replaceAll('/', '.')) : key.split('/')
  const readings = [names, key.split(/[./]/)]
  if (names.some(name => name === '.' || name === '..')) return []
  if (readings.some(names => names[0] === '' || names.at(-1) === '')) return []
  return [...new Set(readings.map(names => names.filter(Boolean).join('/')))]
}

/**
 * The writes for `linux.sysctl`. Throws a ConfigError for a key that is malformed, that is the whole host's, or whose
 * namespace the container shares with the host: a write would change the host.
 */
export function planSysctl(
  sysctl: Readonly<Record<string, string>> = {},
  context: SysctlContext,
  pointer = '/linux/sysctl',
): SysctlStep[] {
  return Object.entries(sysctl).map(([key, value]) => {
    const at = `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    const [path, otherwise] = sysctlPaths(key)
    if (path === undefined) throw new ConfigError(`\`${key}\` is not the name of a sysctl`, at)
    const reason = refusal(key, path, value, context) ?? (otherwise && refusal(key, otherwise, value, context))
    if (reason !== undefined) throw new ConfigError(reason, at)
    return { key, path, ...(otherwise !== undefined && { otherwise }), value }
  })
}

function refusal(key: string, path: string, value: string, context: SysctlContext): string | undefined {
  if (path === 'kernel/hostname') return `\`${key}\` is set by the property \`hostname\` instead`
  const namespace = sysctlNamespace(path)
  if (namespace === undefined) return `\`${key}\` is not in a separate kernel namespace, it would change the host`
  if (!context[namespace]) return needsOwn(key, namespace)
  const { domainname } = context
  if (path === 'kernel/domainname' && domainname !== undefined && domainname !== value) {
    return `\`${value}\` differs from the property \`domainname\`, which is \`${domainname}\``
  }
  return undefined
}

/** Why the sysctl of a shared namespace is refused. */
export function needsOwn(key: string, namespace: SysctlNamespace): string {
  return `\`${key}\` needs a ${namespace} namespace of the container's own, add one to \`linux.namespaces\``
}

/** The namespace that the file of a sysctl belongs to; undefined when it is the whole host's. */
export function sysctlNamespace(path: string): SysctlNamespace | undefined {
  if (Object.hasOwn(namespaced, path)) return namespaced[path]
  const directory = Object.keys(namespaced).find(prefix => prefix.endsWith('/') && path.startsWith(prefix))
  return directory === undefined ? undefined : namespaced[directory]
}
