import type { Config } from '../../spec/generated/config.ts'
import { variable } from '../host/environment.ts'
import { isWithin } from '../paths.ts'

/** Where a program in the container finds the socket for sd_notify(3). */
export interface NotifyPlace {
  /** Has a file system of its own. */
  readonly directory: string
  /** The socket in it. */
  readonly name: string
}

/** As in runc, whatever the host has. */
const OWN_PLACE: NotifyPlace = { directory: '/run/notify', name: 'notify.sock' }
/** In crun the host's path is the directory. */
const NAME_AT_HOST_PATH = 'notify'
/** A systemd in the container makes a socket of its own there, /run/systemd/notify or that of a user. */
const SYSTEMD_PATH = /\/systemd\/notify$/
/** What an address of a socket has room for, see unix(7). */
const ADDRESS_MAX = 107
/** Absolute, without dots. */
const PLAIN_PATH = /^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/

/**
 * The configuration with a place for that socket, and the variable that names it: undefined when the program has a socket
 * from elsewhere, as podman arranges it, or could not have one of its own. `address` is the service manager's.
 */
export function withNotifySocket(config: Config, address: string): { config: Config; place: NotifyPlace } | undefined {
  const { process, mounts = [], linux } = config
  const ownMounts = linux?.namespaces?.some(({ type, path }) => type === 'mount' && path === undefined)
  const place = choosePlace(config, address)
  const taken = mounts.some(({ destination }) => isWithin(destination, place.directory))
  if (process === undefined || !ownMounts || taken || variable(process.env ?? [], 'NOTIFY_SOCKET') !== undefined)
    return undefined
  const directory = {
    destination: place.directory,
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'nodev', 'noexec', 'mode=0755', 'size=64k'],
  }
  const env = [...(process.env ?? []), `NOTIFY_SOCKET=${place.directory}/${place.name}`]
  return { config: { ...config, mounts: [...mounts, directory], process: { ...process, env } }, place }
}

/** The path of the host, as in crun, where nothing of the host or of the kernel can be there, nor anything of the container's. */
function choosePlace({ root, mounts = [] }: Config, address: string): NotifyPlace {
  const covered = mounts.some(
    ({ destination, type }) =>
      isWithin(destination, address) || (destination !== '/' && type !== 'tmpfs' && isWithin(address, destination)),
  )
  const place = { directory: address, name: NAME_AT_HOST_PATH }
  const isShort = `${address}/${place.name}`.length <= ADDRESS_MAX
  const isFree = !SYSTEMD_PATH.test(address) && root?.path !== '/' && !covered
  return PLAIN_PATH.test(address) && isShort && isFree ? place : OWN_PLACE
}
