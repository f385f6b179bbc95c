import type { Config } from '../../spec/generated/config.ts'
import { isWithin } from '../paths.ts'
import { variable } from './process/process.ts'

/** Where a program in the container finds the socket for sd_notify(3): as in runc and crun. */
export const NOTIFY_DIRECTORY = '/run/notify'
export const NOTIFY_NAME = 'notify.sock'

/**
 * The configuration with a place for that socket, and the variable that names it: undefined when the program has a socket
 * from elsewhere, as podman arranges it, or could not have one of its own.
 */
export function withNotifySocket(config: Config): Config | undefined {
  const { process, mounts = [], linux } = config
  const ownMounts = linux?.namespaces?.some(({ type, path }) => type === 'mount' && path === undefined)
  const taken = mounts.some(({ destination }) => isWithin(destination, NOTIFY_DIRECTORY))
  if (process === undefined || !ownMounts || taken || variable(process.env ?? [], 'NOTIFY_SOCKET') !== undefined)
    return undefined
  const directory = {
    destination: NOTIFY_DIRECTORY,
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'nodev', 'noexec', 'mode=0755', 'size=64k'],
  }
  return {
    ...config,
    mounts: [...mounts, directory],
    process: { ...process, env: [...(process.env ?? []), `NOTIFY_SOCKET=${NOTIFY_DIRECTORY}/${NOTIFY_NAME}`] },
  }
}
