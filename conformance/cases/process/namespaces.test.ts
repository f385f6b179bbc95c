// Each namespace new, inherited, and joined by path; user namespaces with maps; clocks with offsets.

import { readFileSync, readlinkSync } from 'node:fs'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { command, create, inside, runBundle, runScript } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { isAlive } from '../../lib/machine.ts'
import { eventually, launch, must } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** The file below /proc/PID/ns for each type of the specification. */
const FILES: Record<string, string> = {
  pid: 'pid',
  network: 'net',
  mount: 'mnt',
  ipc: 'ipc',
  uts: 'uts',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
}

function add(config: Config, type: string, path?: string): void {
  config.linux.namespaces = config.linux.namespaces.filter(namespace => namespace.type !== type)
  config.linux.namespaces.push(path === undefined ? { type } : { type, path })
}

function drop(config: Config, type: string): void {
  config.linux.namespaces = config.linux.namespaces.filter(namespace => namespace.type !== type)
}

/** What a configuration with a user namespace needs besides: a map, and a root the mapped root may read. */
function mapUser(config: Config, hostID = 100_000, size = 65_536): void {
  add(config, 'user')
  config.linux.uidMappings = [{ containerID: 0, hostID, size }]
  config.linux.gidMappings = [{ containerID: 0, hostID, size }]
}

test.each(Object.entries(FILES))("a new %s namespace is another than the host's", (type, file) => {
  const link = inside(`readlink /proc/self/ns/${file}`, config => {
    add(config, type)
    if (type === 'user') mapUser(config)
  })
  expect(link).toMatch(/^\w+:\[\d+\]$/)
  expect(link).not.toBe(readlinkSync(`/proc/self/ns/${file}`))
})

test.each(['network', 'ipc', 'uts', 'cgroup', 'time'])("a %s namespace that is not listed is the caller's", type => {
  const link = inside(`readlink /proc/self/ns/${FILES[type]}`, config => {
    drop(config, type)
    if (type === 'uts') delete config.hostname
    if (type === 'ipc') config.mounts = config.mounts.filter(mount => mount.type !== 'mqueue')
  })
  expect(link).toBe(readlinkSync(`/proc/self/ns/${FILES[type]}`))
})

test("without a pid namespace the program is a process among the host's", () => {
  const link = inside('readlink /proc/self/ns/pid', config => drop(config, 'pid'))
  expect(link).toBe(readlinkSync('/proc/self/ns/pid'))
})

/** A process of the host in namespaces of its own, for a container to join. */
function holdNamespaces(flags: string[]): number {
  const { child } = launch(['unshare', ...flags, 'sleep', '60'])
  later(() => {
    child.kill('SIGKILL')
    eventually('the holder to end', () => !isAlive(pid))
  })
  const pid = child.pid!
  eventually('unshare to execute', () => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n')
  return pid
}

test.each([
  ['network', ['--net']],
  ['ipc', ['--ipc']],
  ['uts', ['--uts']],
  ['cgroup', ['--cgroup']],
])('a %s namespace is joined by its path', (type, flags) => {
  const pid = holdNamespaces(flags)
  const path = `/proc/${pid}/ns/${FILES[type]}`
  const link = inside(`readlink /proc/self/ns/${FILES[type]}`, config => {
    add(config, type, path)
    if (type === 'uts') delete config.hostname
  })
  expect(link).toBe(readlinkSync(path))
})

test('a pid namespace is joined by its path, and its init stays number 1', () => {
  const other = create(['sh', '-c', 'exec sleep 60'])
  other.start()
  const { pid } = other.state()
  const output = inside('readlink /proc/self/ns/pid; cat /proc/1/comm; echo $$', config => {
    add(config, 'pid', `/proc/${pid}/ns/pid`)
  })
  const [link, comm, own] = output.split('\n')
  expect(link).toBe(readlinkSync(`/proc/${pid}/ns/pid`))
  expect(comm).toBe('sleep')
  expect(Number(own)).toBeGreaterThan(1)
})

test('a namespace outlives its container when a path holds it, and another joins it', () => {
  const file = `${makeDirectory()}/net`
  must(['touch', file])
  must(['unshare', `--net=${file}`, 'true'])
  later(() => must(['umount', file]))
  const links = [1, 2].map(() => inside('readlink /proc/self/ns/net', config => add(config, 'network', file)))
  expect(links[0]).toBe(links[1])
})

test('a user namespace of another container is joined with its maps', () => {
  const other = create(['sh', '-c', 'exec sleep 60'], config => mapUser(config))
  const { pid } = other.state()
  const map = inside('cat /proc/self/uid_map', config => {
    add(config, 'user', `/proc/${pid}/ns/user`)
  })
  expect(map.split(/\s+/)).toEqual(['0', '100000', '65536'])
})

// podman sends them along with --userns container:ID. runc wants none, or the right ones; crun does not look.
test('mappings beside the path of a user namespace are those it has', () => {
  const other = create(['sh', '-c', 'exec sleep 60'], config => mapUser(config))
  const { pid } = other.state()
  const joining = (hostID: number) => (config: Config) => {
    mapUser(config, hostID)
    drop(config, 'user')
    add(config, 'user', `/proc/${pid}/ns/user`)
  }
  expect(inside('cat /proc/self/uid_map', joining(100_000)).split(/\s+/)).toEqual(['0', '100000', '65536'])
  expectOneSentence(runBundle(makeBundle(joining(200_000))), /uidMappings.*0 100000 65536/, 'runc', 'crun')
})

test('a path of the wrong type of namespace is an error', () => {
  const bundle = makeBundle(config => add(config, 'network', '/proc/self/ns/uts'))
  expectOneSentence(runBundle(bundle), /namespace/)
})

test('a path that is no namespace is an error', () => {
  expectOneSentence(runBundle(makeBundle(config => add(config, 'network', '/etc/passwd'))), /\/etc\/passwd/)
})

test('a missing path of a namespace is an error that names it', () => {
  expectOneSentence(runBundle(makeBundle(config => add(config, 'network', '/run/no/ns'))), /\/run\/no\/ns/)
})

test('the same type twice is an error', () => {
  const bundle = makeBundle(config => config.linux.namespaces.push({ type: 'uts' }))
  const result = runBundle(bundle)
  expectOneSentence(result, /uts/, 'crun')
})

test('a user namespace maps ids as told, and files show it', () => {
  const output = inside('cat /proc/self/uid_map; stat -c "%u %g" /bin/busybox; id -u', (config, rootfs) => {
    mapUser(config)
    must(['chown', '-hR', '100000:100000', rootfs])
  })
  expect(output.split(/\s+/)).toEqual(['0', '100000', '65536', '0', '0', '0'])
})

test('several ranges are written to the maps', () => {
  const output = inside('cat /proc/self/uid_map; echo; cat /proc/self/gid_map', config => {
    mapUser(config)
    config.linux.uidMappings = [
      { containerID: 0, hostID: 100_000, size: 10 },
      { containerID: 10, hostID: 0, size: 1 },
    ]
  })
  const [uids, gids] = output.split('\n\n').map(text => text.trim().split(/\s+/).map(Number))
  expect(uids).toEqual([0, 100_000, 10, 10, 0, 1])
  expect(gids).toEqual([0, 100_000, 65_536])
})

test('the rest of a container with a user namespace is owned by that namespace', () => {
  const output = inside('hostname; mount -t tmpfs none /tmp && echo mounted; ls -n /dev/null', config => {
    mapUser(config)
    for (const set of Object.values(config.process.capabilities!)) set.push('CAP_SYS_ADMIN')
  })
  expect(output).toMatch(/^inside\nmounted\n/)
})

test('an id of the user that the maps do not have is an error', () => {
  const bundle = makeBundle(config => {
    mapUser(config, 100_000, 10)
    config.process.user.uid = 4000
  })
  expectOneSentence(runBundle(bundle), /4000/)
})

test('a new network namespace has loopback up', () => {
  expect(inside('ip link show lo | head -1')).toMatch(/LOOPBACK,UP/)
  expect(
    inside('ping -c 1 -W 2 127.0.0.1 >/dev/null && echo reached', config => {
      for (const set of Object.values(config.process.capabilities!)) set.push('CAP_NET_RAW')
    }),
  ).toBe('reached')
})

test('time offsets move the clocks of the container', () => {
  const offset = 1_000_000
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
  const seen = inside('cat /proc/uptime', config => {
    add(config, 'time')
    config.linux.timeOffsets = { boottime: { secs: offset }, monotonic: { secs: 1000, nanosecs: 5 } }
  })
  expect(Number(seen.split(' ')[0])).toBeGreaterThan(uptime + offset - 1)
})

test('the offsets are those of the configuration', () => {
  const text = inside('cat /proc/self/timens_offsets', config => {
    add(config, 'time')
    config.linux.timeOffsets = { boottime: { secs: 7, nanosecs: 3 }, monotonic: { secs: 1000, nanosecs: 5 } }
  })
  const rows = text.split('\n').map(line => line.trim().split(/\s+/).join(' '))
  expect(rows.sort()).toEqual(['boottime 7 3', 'monotonic 1000 5'])
})

test('offsets without a time namespace are an error', () => {
  const bundle = makeBundle(config => {
    config.linux.timeOffsets = { boottime: { secs: 1 } }
  })
  const result = runBundle(bundle)
  expectOneSentence(result, /time/, 'crun')
})

test('hostname and domainname need a uts namespace of their own', () => {
  const result = runScript('true', config => drop(config, 'uts'))
  expectOneSentence(result, /hostname/)
  expect(must(['hostname'])).not.toBe('inside\n')
})

// As systemd 260 makes them: neither root of the host nor able to make devices, whatever the map looks like.
test.runIf(isTsrun)('in a user namespace that maps every id to itself devices are bound', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['stat', '-c', '%t:%T', '/dev/null']
  })
  const { directory } = bundle
  const words = command('--root', `${directory}/state`, '--cgroup-manager', 'disabled', 'run', '-b', directory, 'x')
  const script = `cd "$1"; shift; mkfifo there mapped
    unshare -Um sh -c 'echo > there; read x < mapped; exec "$@"' x "$@" & read x < there
    for map in uid_map gid_map; do echo 0 0 4294967295 > /proc/$!/$map; done; echo > mapped; wait $!`
  expect(must(['timeout', '20', 'bash', '-c', script, 'x', directory, ...words])).toBe('1:3\n')
})
