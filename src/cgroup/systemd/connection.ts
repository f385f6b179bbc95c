import { AT_FDCWD } from '../../../native/abi/fcntl.ts'
import { decode } from '../../../native/utf8.ts'
import { socketPaths } from '../../dbus/address.ts'
import { Connection } from '../../dbus/connection.ts'
import { HostError } from '../../errors.ts'
import type { Runtime } from '../../runtime.ts'
import { SYSTEMD } from './systemd.ts'

/** A place where systemd may answer. */
interface SystemdSocket {
  readonly path: string
  /** A bus that passes calls on, rather than systemd's own socket. */
  readonly bus: boolean
}

/**
 * Connects to the system's systemd, or for an unprivileged runtime to the user's. A bus that the environment names comes
 * first. Otherwise systemd's own socket, which systemctl uses, too, is asked before the bus: it needs no other program
 * and fewer steps. Throws a HostError when systemd is not to be found.
 */
export function connectToSystemd(runtime: Runtime): Connection {
  const { outside, rootless } = runtime
  const places = rootless ? placesOfUser(runtime) : placesOfSystem(runtime)
  for (const { path, bus } of places) {
    const connection = Connection.open(outside, path, bus ? SYSTEMD : undefined)
    if (connection === undefined) continue
    if (bus) subscribe(connection)
    return connection
  }
  throw new HostError(absence(rootless, places))
}

/** Without a word systemd tells a bus nothing of its jobs. */
function subscribe(connection: Connection): void {
  const rule = `type='signal',sender='${SYSTEMD}',interface='${SYSTEMD}.Manager',member='JobRemoved'`
  const bus = 'org.freedesktop.DBus'
  connection.tell({ path: '/org/freedesktop/DBus', interface: bus, member: 'AddMatch', signature: 's', args: [rule] })
  connection.tell({ path: '/org/freedesktop/systemd1', interface: `${SYSTEMD}.Manager`, member: 'Subscribe' })
}

function placesOfSystem({ env }: Runtime): SystemdSocket[] {
  return [
    ...buses(env('DBUS_SYSTEM_BUS_ADDRESS')),
    { path: '/run/systemd/private', bus: false },
    { path: '/run/dbus/system_bus_socket', bus: true },
  ]
}

/** In a user namespace, as that of rootless podman, the user's own id is another than ours. */
function placesOfUser(runtime: Runtime): SystemdSocket[] {
  const { env } = runtime
  const directory = env('XDG_RUNTIME_DIR')
  const directories = new Set([...(directory ? [directory] : []), `/run/user/${ownerId(runtime)}`])
  return [
    ...buses(env('DBUS_SESSION_BUS_ADDRESS')),
    ...[...directories].flatMap(path => [
      { path: `${path}/systemd/private`, bus: false },
      { path: `${path}/bus`, bus: true },
    ]),
  ]
}

function buses(addresses: string | undefined): SystemdSocket[] {
  return socketPaths(addresses ?? '').map(path => ({ path, bus: true }))
}

/** Our effective user id as the initial namespace knows it, or the namespace that made ours; user_namespaces(7). */
function ownerId({ outside }: Runtime): number {
  const { uid } = outside.effectiveIds()
  const lines = decode(outside.readFile(AT_FDCWD, '/proc/self/uid_map')).trim().split('\n')
  const ranges = lines.map(line => line.trim().split(/\s+/).map(Number) as [number, number, number])
  const range = ranges.find(([inside, , size]) => uid >= inside && uid < inside + size)
  return range === undefined ? uid : range[1] + (uid - range[0])
}

function absence(ofUser: boolean, places: readonly SystemdSocket[]): string {
  const paths = places.map(({ path }) => `\`${path.replace('\0', '@')}\``).join(', ')
  const advice = ofUser
    ? "the user's runs in a login session or after `loginctl enable-linger`, and XDG_RUNTIME_DIR says where"
    : 'it must be the init system of this host'
  return `systemd does not answer at ${paths}: ${advice}; use --cgroup-manager cgroupfs to do without`
}
