import { ConfigError } from '../../errors.ts'
import { join } from '../../paths.ts'

/** One entry of `linux.devices` in config.json. */
export interface DeviceInput {
  readonly type: string
  readonly path: string
  readonly major?: number | undefined
  readonly minor?: number | undefined
  readonly fileMode?: number | undefined
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

export interface DeviceContext {
  /** /dev is the host's, bound into the container or its devtmpfs, of which there is one: nothing is made in it. */
  readonly devIsHost: boolean
  /** mknod(2) of devices works: CAP_MKNOD in the initial user namespace. */
  readonly canMknod: boolean
  /** It works on the host, and the mappings of the container's user namespace are known. */
  readonly hostCanMknod?: boolean | undefined
  /** The host has /proc/kcore. */
  readonly hasKcore?: boolean | undefined
}

/** Makes a node; the mode is set apart from mknod(2), whose mode the umask cuts. */
export interface MknodStep {
  readonly op: 'mknod'
  /** Absolute, inside the container. */
  readonly path: string
  readonly type: 'char' | 'block' | 'fifo'
  readonly major: number
  readonly minor: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Binds a node: the host's of the same path, or one that is made for the container where that can be had. */
export interface BindDeviceStep {
  readonly op: 'bind'
  readonly path: string
  readonly source: string
  readonly type: 'char' | 'block'
  readonly major: number
  readonly minor: number
  /** Whose the node is that is made, and its permissions; the ids are those inside. */
  readonly made?: Pick<MknodStep, 'mode' | 'uid' | 'gid'>
}

export interface SymlinkStep {
  readonly op: 'symlink'
  readonly path: string
  readonly target: string
}

export type DeviceStep = MknodStep | BindDeviceStep | SymlinkStep

const types: Readonly<Record<string, MknodStep['type']>> = { c: 'char', u: 'char', b: 'block', p: 'fifo' }

/** What every container has (config-linux.md, default devices), but for console, which comes with the terminal. */
const defaultDevices: readonly DeviceInput[] = [
  { path: '/dev/null', type: 'c', major: 1, minor: 3 },
  { path: '/dev/zero', type: 'c', major: 1, minor: 5 },
  { path: '/dev/full', type: 'c', major: 1, minor: 7 },
  { path: '/dev/random', type: 'c', major: 1, minor: 8 },
  { path: '/dev/urandom', type: 'c', major: 1, minor: 9 },
  { path: '/dev/tty', type: 'c', major: 5, minor: 0 },
]

/** See runtime-linux.md, dev symbolic links. */
const defaultLinks: readonly SymlinkStep[] = [
  { op: 'symlink', path: '/dev/fd', target: '/proc/self/fd' },
  { op: 'symlink', path: '/dev/stdin', target: '/proc/self/fd/0' },
  { op: 'symlink', path: '/dev/stdout', target: '/proc/self/fd/1' },
  { op: 'symlink', path: '/dev/stderr', target: '/proc/self/fd/2' },
  { op: 'symlink', path: '/dev/ptmx', target: 'pts/ptmx' },
]

const coreLink: SymlinkStep = { op: 'symlink', path: '/dev/core', target: '/proc/kcore' }

/**
 * The nodes and links to make: the default ones, unless `linux.devices` defines the same path, then those of the list in
 * its order. None when /dev is the host's. Throws a ConfigError for an unknown type and a path that
 * is the root. Of two for one path the first counts, as in crun and runc: what is there stays.
 */
export function planDevices(
  devices: readonly DeviceInput[] = [],
  context: DeviceContext,
  pointer = '/linux/devices',
): DeviceStep[] {
  const asked = new Map<string, DeviceStep>()
  devices.forEach((device, index) => {
    const step = planDevice(device, context, `${pointer}/${index}`)
    if (!asked.has(step.path)) asked.set(step.path, step)
  })
  if (context.devIsHost) return []
  const links = context.hasKcore ? [...defaultLinks, coreLink] : defaultLinks
  return [
    ...defaultDevices.filter(({ path }) => !asked.has(path)).map(device => planDevice(device, context, pointer)),
    ...asked.values(),
    ...links.filter(({ path }) => !asked.has(path)),
  ]
}

function planDevice(device: DeviceInput, { canMknod, hostCanMknod }: DeviceContext, pointer: string): DeviceStep {
  const path = join('/', device.path)
  const type = Object.hasOwn(types, device.type) ? types[device.type] : undefined
  if (type === undefined) {
    throw new ConfigError(`\`${device.type}\` is not one of \`c\`, \`u\`, \`b\` and \`p\``, `${pointer}/type`)
  }
  if (path === '/') throw new ConfigError('names the root directory', `${pointer}/path`)
  const { major, minor, fileMode = 0o666, uid = 0, gid = 0 } = device
  const node = { type, major: major ?? 0, minor: minor ?? 0 }
  // A fifo is no device: everybody may make one, and there is none on the host to bind.
  // As with crun and runc: on a device the bits beyond those of rights mean nothing.
  const made = { mode: fileMode & 0o777, uid, gid }
  if (type !== 'fifo' && !canMknod)
    return { op: 'bind', path, source: path, ...node, type, ...(hostCanMknod && { made }) }
  return { op: 'mknod', path, ...node, ...made }
}
