// As an unprivileged user: a user namespace with one id, or with the ranges of newuidmap(1), and no cgroup.

import { chmodSync, copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { field, have, isPureV2 } from '../../lib/machine.ts'
import { eventually, must, type Result, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { handOver, makeRootless, withUser } from '../../lib/user.ts'
import { delegatedV2 } from '../../lib/views.ts'

leavesNothing()
const user = withUser()

const rootless = (config: Config) => makeRootless(config, user.current)

/** The same with the user's subordinate ids behind its own. */
function ranged(config: Config): void {
  rootless(config)
  const { uid, gid, subordinate } = user.current
  const map = (own: number) => [
    { containerID: 0, hostID: own, size: 1 },
    { containerID: 1, hostID: subordinate.first, size: subordinate.count },
  ]
  config.linux.uidMappings = map(uid)
  config.linux.gidMappings = map(gid)
}

function withoutUserNamespace({ linux }: Config): void {
  linux.namespaces = linux.namespaces.filter(({ type }) => type !== 'user')
  delete linux.uidMappings
  delete linux.gidMappings
}

interface Own {
  directory: string
  oci(...words: string[]): Result
}

/** A bundle and a state root that belong to the user. */
function own(args: string[], change: (config: Config, rootfs: string) => void): Own {
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = args
    change(config, rootfs)
  })
  const root = handOver(user.current, bundle.directory)
  const oci = (...words: string[]) =>
    run(user.current.wrap([runtime.path, '--root', root, ...words]), { cwd: bundle.directory })
  return { directory: bundle.directory, oci }
}

function runAsUser(script: string, change: (config: Config, rootfs: string) => void): Result {
  const { directory, oci } = own(['sh', '-c', script], change)
  return oci('run', '--bundle', directory, fresh())
}

test('the streams belong to the user of the program', () => {
  const { directory } = own(['sh', '-c', 'echo out >/dev/stdout'], config => {
    ranged(config)
    config.process.user = { uid: 5, gid: 5 }
  })
  const line = [runtime.path, '--root', join(directory, 'state'), 'run', '--bundle', directory, fresh()]
  const asUser = user.current.wrap(['sh', '-c', `umask 077; "$@" | cat; "$@" >${directory}/out`, 'sh', ...line])
  expect(must(asUser)).toBe('out\n')
  if (isRunc) return // which has pipes in between
  expect(statSync(join(directory, 'out')).uid).toBe(user.current.subordinate.first + 4)
})

test('a container with a single id runs, as its root', () => {
  expect(runAsUser('id -u; id -g; hostname; echo $$', rootless)).toMatchObject({
    status: 0,
    stdout: '0\n0\ninside\n1\n',
    stderr: '',
  })
})

test.skipIf(isRunc).each<[string, (config: Config) => void]>([
  ['a user namespace of its own', () => {}],
  ['that one', withoutUserNamespace],
  [
    'that one, and a network namespace by its path',
    config => {
      withoutUserNamespace(config)
      config.linux.namespaces.push({ type: 'network', path: '/proc/self/ns/net' })
    },
  ],
])(
  'where setgroups is denied, in a user namespace of whoever calls, a container with %s runs, and exec',
  (_, change) => {
    const { directory } = own(['sleep', '1000'], config => {
      rootless(config)
      config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }]
      config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 1 }]
      change(config)
    })
    const oci = `${runtime.path} --root ${join(directory, 'state')}`
    const script = `${oci} run --detach --bundle ${directory} c >/dev/null && ${oci} exec c id -u; ${oci} delete --force c`
    expect(must(user.current.wrap(['unshare', '-Urmn', 'sh', '-c', script]))).toBe('0\n')
  },
)

test.each<[string, string[], (config: Config) => void]>([
  ['in the mount namespace of others', ['unshare', '-Ur'], () => {}],
  ['that, without a user namespace of its own', ['unshare', '-Ur'], withoutUserNamespace],
  [
    'without the right to become another, for a program of its own user',
    ['unshare', '-Urm', 'setpriv', '--bounding-set', '-setuid,-setgid'],
    withoutUserNamespace,
  ],
])('root of a user namespace runs a container %s', (_, wrapper, change) => {
  const { directory } = own(['sh', '-c', 'id -u; head -c 2 /dev/zero | wc -c; ls /hostname'], config => {
    rootless(config)
    config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 1 }]
    config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 1 }]
    config.mounts.push({ destination: '/hostname', type: 'bind', source: '/etc/hostname', options: ['bind', 'ro'] })
    change(config)
  })
  const words = [runtime.path, '--root', join(directory, 'state'), 'run', '--bundle', directory, fresh()]
  const result = run(user.current.wrap([...wrapper, ...words]))
  expect(result).toMatchObject({ status: 0, stdout: '0\n2\n/hostname\n', stderr: '' })
})

test.runIf(isTsrun)('where /proc hides processes one sentence says so (crun and runc: runs)', () => {
  const { directory } = own(['true'], rootless)
  const line = [runtime.path, '--root', join(directory, 'state'), 'run', '--bundle', directory, fresh()]
  // A procfs of its own: the option is one of the file system, and that of the host is the tests', too.
  const hidden = 'mount -t proc -o hidepid=2 proc /proc; exec "$@"'
  const result = run(['unshare', '-m', '-p', '-f', 'sh', '-c', hidden, 'sh', ...user.current.wrap(line)])
  expect(result.status).toBe(1)
  expect(result.stderr).toMatch(
    /^tsrun: run .*: \/proc hides the first process from this user; mount it without `hidepid`/,
  )
})

test('the program is the user, seen from the host', () => {
  const { directory, oci } = own(['sh', '-c', "trap 'exit 0' TERM; while :; do sleep 0.05; done"], rootless)
  const id = fresh()
  const words = ['run', '--detach', '--bundle', directory, id]
  expect(oci(...words)).toMatchObject({ status: 0, stderr: '' })
  later(() => oci('delete', '--force', id))
  const { pid } = JSON.parse(oci('state', id).stdout) as { pid: number }
  expect(must(['stat', '-c', '%u', `/proc/${pid}`]).trim()).toBe(String(user.current.uid))
  expect(oci('kill', id, 'TERM').status).toBe(0)
  eventually('the end', () => JSON.parse(oci('state', id).stdout).status === 'stopped')
  expect(oci('delete', id)).toMatchObject({ status: 0, stderr: '' })
})

test('a whole life without privileges', () => {
  const { directory, oci } = own(['sh', '-c', 'echo lived'], rootless)
  const id = fresh()
  later(() => oci('delete', '--force', id))
  expect(oci('create', '--bundle', directory, id)).toMatchObject({ status: 0 })
  expect(JSON.parse(oci('state', id).stdout)).toMatchObject({ status: 'created' })
  expect(oci('start', id)).toMatchObject({ status: 0, stderr: '' })
  eventually('the end', () => JSON.parse(oci('state', id).stdout).status === 'stopped')
  expect(oci('delete', id)).toMatchObject({ status: 0, stderr: '' })
})

// What waits for `start` has rights that nobody inside is to get, so it is not dumpable, and the kernel lets no other user in.
// In runc it is, and whoever is in the container finds its descriptors in /proc.
test('exec enters a container that is started, and is refused before (runc: enters)', () => {
  const { directory, oci } = own(['sleep', '1000'], rootless)
  const id = fresh()
  later(() => oci('delete', '--force', id))
  expect(oci('create', '--bundle', directory, id)).toMatchObject({ status: 0 })
  const early = oci('exec', id, 'hostname')
  if (isRunc) expect(early).toMatchObject({ status: 0, stdout: 'inside\n' })
  else expect(early.status).not.toBe(0)
  if (isTsrun) {
    expect(early.status).toBe(255)
    expect(early.stderr).toMatch(/^tsrun: exec in `.*`: .*without privileges that can be done when it is started\n$/)
  }
  expect(JSON.parse(oci('state', id).stdout)).toMatchObject({ status: 'created' })
  expect(oci('start', id)).toMatchObject({ status: 0, stderr: '' })
  expect(oci('exec', id, 'hostname')).toMatchObject({ status: 0, stdout: 'inside\n' })
})

const NOTHING_DIFFERS = 'nothing differs from config.json and updates\n'

test.skipIf(!isTsrun)('inspect --drift looks into a container that is started, and says so before', () => {
  const { directory, oci } = own(['sleep', '1000'], config => {
    rootless(config)
    config.linux.namespaces.push({ type: 'network' })
    config.linux.sysctl = { 'net.ipv4.ip_forward': '1' }
  })
  const id = fresh()
  later(() => oci('delete', '--force', id))
  expect(oci('create', '--bundle', directory, id)).toMatchObject({ status: 0 })
  expect(oci('inspect', '--drift', id)).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/^tsrun: inspect `.*`: .*without privileges that can be done when it is started\n$/),
  })
  expect(oci('start', id)).toMatchObject({ status: 0, stderr: '' })
  eventually('the program to run', () => oci('inspect', id).stdout.includes('sleep'))
  expect(oci('inspect', '--drift', id)).toMatchObject({ status: 0, stdout: NOTHING_DIFFERS, stderr: '' })
  const { pid } = JSON.parse(oci('state', id).stdout) as { pid: number }
  must(['nsenter', '--target', `${pid}`, '--net', '--', 'sh', '-c', 'echo 0 > /proc/sys/net/ipv4/ip_forward'])
  expect(oci('inspect', '--drift', id)).toMatchObject({
    status: 1,
    stdout: '/linux/sysctl/net.ipv4.ip_forward: sysctl `net.ipv4.ip_forward` is `0`, expected `1`\n',
  })
})

test.skipIf(!have('newuidmap'))('ranges of subordinate ids are mapped by newuidmap', () => {
  const result = runAsUser('cat /proc/self/uid_map; chown 1000:1000 /tmp && stat -c %u /tmp', (config, rootfs) => {
    ranged(config)
    chmodSync(join(rootfs, 'tmp'), 0o777)
    for (const set of Object.values(config.process.capabilities!)) set.push('CAP_CHOWN')
  })
  expect(result).toMatchObject({ status: 0, stderr: '' })
  const rows = result.stdout
    .trim()
    .split('\n')
    .map(line => line.trim().split(/\s+/).map(Number))
  const { uid, subordinate } = user.current
  expect(rows).toEqual([[0, uid, 1], [1, subordinate.first, subordinate.count], [1000]])
})

test.skipIf(!isTsrun)('a newuidmap that does nothing is told by the map that is not there (tsrun only)', () => {
  const { directory } = own(['true'], ranged)
  for (const name of ['newuidmap', 'newgidmap']) {
    writeFileSync(join(directory, name), '#!/bin/sh\n')
    chmodSync(join(directory, name), 0o755)
  }
  const words = [runtime.path, '--root', join(directory, 'state'), 'run', '--bundle', directory, fresh()]
  const { status, stderr } = run(user.current.wrap(words, { PATH: `${directory}:/usr/bin:/bin` }))
  expect([status, stderr]).toEqual([1, expect.stringMatching(/newuidmap said that it wrote `\/proc\/\d+\/uid_map`/)])
})

test.skipIf(!have('newuidmap') || isRunc)(
  'with ranges the program may be another user with groups (runc: refused)',
  () => {
    const result = runAsUser('cat /proc/self/status', config => {
      ranged(config)
      config.process.user = { uid: 1000, gid: 1000, additionalGids: [5, 20] }
    })
    expect(field(result.stdout, 'Uid').split(/\s+/)[0]).toBe('1000')
    expect(field(result.stdout, 'Groups').trim()).toBe('5 20')
  },
)

test.skipIf(isRunc)(
  'where no groups can be set those of the configuration are left out, in exec, too (runc: refused)',
  () => {
    const { directory, oci } = own(['sleep', '1000'], config => {
      rootless(config)
      config.process.user.additionalGids = [5]
    })
    const id = fresh()
    later(() => oci('delete', '--force', id))
    expect(oci('run', '--detach', '--bundle', directory, id)).toMatchObject({ status: 0 })
    expect(field(oci('exec', id, 'cat', '/proc/self/status').stdout, 'Groups').trim()).toBe('')
  },
)

test.runIf(isTsrun)('where groups can be set one that is not mapped is an error at create (tsrun only)', () => {
  const { directory } = own(['true'], config => {
    rootless(config)
    config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 1 }]
    config.process.user.additionalGids = [5]
  })
  const result = run([runtime.path, '--root', join(directory, 'state'), 'create', '--bundle', directory, fresh()])
  expectOneSentence(result, /\/process\/user\/additionalGids\/0: the id 5 is in no entry of \/linux\/gidMappings/)
})

test("an id that is not the user's is an error", () => {
  const result = runAsUser('true', config => {
    rootless(config)
    config.linux.uidMappings = [{ containerID: 0, hostID: 12, size: 5 }]
  })
  expectOneSentence(result, /map|newuidmap/)
})

test('with a network namespace of its own the container has loopback', () => {
  const result = runAsUser('ip link show lo | head -1', config => {
    rootless(config)
    config.linux.namespaces.push({ type: 'network' })
  })
  expect(result.stdout).toMatch(/LOOPBACK,UP/)
})

test('devices, mounts, masked and read-only paths work', () => {
  const result = runAsUser(
    'echo x > /dev/null && head -c 2 /dev/zero | wc -c; cat /mnt/file; cat /proc/timer_list | wc -c; (echo x > /proc/sys/kernel/domainname) 2>/dev/null || echo ro; mount | grep -c mqueue',
    (config, rootfs) => {
      rootless(config)
      const source = join(rootfs, '../source')
      mkdirSync(source)
      writeFileSync(join(source, 'file'), 'mine\n')
      config.mounts.push({ destination: '/mnt', type: 'bind', source, options: ['bind', 'ro', 'nosuid'] })
    },
  )
  expect(result).toMatchObject({ status: 0, stderr: '', stdout: '2\nmine\n0\nro\n1\n' })
})

test('a read-only bind of a locked mount keeps what the user may not clear', () => {
  const result = runAsUser('grep " /mnt " /proc/self/mountinfo', config => {
    rootless(config)
    config.mounts.push({ destination: '/mnt', type: 'bind', source: '/dev/shm', options: ['bind', 'ro'] })
  })
  expect(result.stdout).toMatch(/ ro,/)
})

test('capabilities are those of the namespace', () => {
  const result = runAsUser('cat /proc/self/status', rootless)
  expect(field(result.stdout, 'CapBnd')).toBe('0000000020000420')
  expect(field(result.stdout, 'CapEff')).toBe('0000000020000420')
})

test('the state root is below XDG_RUNTIME_DIR by default', () => {
  const { directory } = own(['true'], rootless)
  const id = fresh()
  const { wrap, runtimeDirectory } = user.current
  const result = run(wrap([runtime.path, 'create', '--bundle', directory, id]), { cwd: directory })
  expect(result).toMatchObject({ status: 0 })
  expect(existsSync(join(runtimeDirectory, runtime.kind, id))).toBe(true)
  expect(run(wrap([runtime.path, 'delete', '--force', id]))).toMatchObject({ status: 0, stderr: '' })
})

test.skipIf(!isTsrun)('without XDG_RUNTIME_DIR it is told what to set', () => {
  const { directory } = own(['true'], rootless)
  const wrapped = user.current.wrap([runtime.path, 'create', '--bundle', directory, fresh()], { XDG_RUNTIME_DIR: '' })
  expectOneSentence(
    run(wrapped, { cwd: directory }),
    /kept in `\/run\/tsrun`: .*; set XDG_RUNTIME_DIR .* or give --root/,
  )
})

test('without a user namespace an unprivileged caller is told to use one', () => {
  const result = runAsUser('true', config => {
    rootless(config)
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'user')
    delete config.linux.uidMappings
    delete config.linux.gidMappings
  })
  expectOneSentence(result, /user namespace/, 'crun')
})

test("an oomScoreAdj below the user's own is passed over or refused, not half done", () => {
  const result = runAsUser('cat /proc/self/oom_score_adj', config => {
    rootless(config)
    config.process.oomScoreAdj = -500
  })
  if (result.status !== 0) expectOneSentence(result, /oomScoreAdj|oom_score_adj/)
})

// What waits is not dumpable, so its file in /proc is not the user's to write.
test.each<[string, (config: Config) => void]>([
  ['a single id', rootless],
  ['ranges of ids', ranged],
  [
    'the ids of others only',
    config => {
      rootless(config)
      const { first, count } = user.current.subordinate
      config.linux.uidMappings = config.linux.gidMappings = [{ containerID: 0, hostID: first, size: count }]
    },
  ],
])('with %s an oomScoreAdj above that of the user is that of the program', (name, change) => {
  if (name !== 'a single id' && !have('newuidmap')) return
  if (name === 'the ids of others only' && isRunc) return // which refuses them
  const result = runAsUser('cat /proc/self/oom_score_adj', config => {
    change(config)
    config.process.oomScoreAdj = 321
  })
  expect(result).toMatchObject({ status: 0, stdout: '321\n', stderr: '' })
})

test.runIf(isTsrun)('exec has the oomScoreAdj of its process file (crun, runc: not)', () => {
  const { directory, oci } = own(['sleep', '1000'], rootless)
  const id = fresh()
  later(() => oci('delete', '--force', id))
  expect(oci('run', '--detach', '--bundle', directory, id)).toMatchObject({ status: 0 })
  const file = join(directory, 'process.json')
  const args = ['cat', '/proc/self/oom_score_adj']
  const process = { user: { uid: 0, gid: 0 }, args, env: ['PATH=/bin'], cwd: '/', oomScoreAdj: 321 }
  writeFileSync(file, JSON.stringify(process))
  expect(oci('exec', '--process', file, id)).toMatchObject({ status: 0, stdout: '321\n', stderr: '' })
})

test('update of nothing is done without a cgroup', () => {
  const { directory, oci } = own(['sleep', '1000'], rootless)
  const id = fresh()
  later(() => oci('delete', '--force', id))
  expect(oci('run', '--detach', '--bundle', directory, id)).toMatchObject({ status: 0 })
  writeFileSync(join(directory, 'resources.json'), '{}')
  expect(oci('update', '--resources', join(directory, 'resources.json'), id)).toMatchObject({ status: 0, stderr: '' })
})

test('a program of the user in a directory that root of the namespace may not read is still found', () => {
  const result = runAsUser('/opt/tool', (config, rootfs) => {
    rootless(config)
    mkdirSync(join(rootfs, 'opt'), { mode: 0o700 })
    copyFileSync('/bin/busybox', join(rootfs, 'opt/tool'))
  })
  // busybox without a known name prints its own help.
  expect(result.stderr + result.stdout).toMatch(/busybox|applet/i)
})

test.skipIf(!isPureV2() && isCrun)('in a delegated folder of the v2 tree the container has a cgroup below it', () => {
  const delegation = delegatedV2(user.current.uid)
  later(() => delegation.remove())
  const { directory } = own(['cat', '/proc/self/cgroup'], config => {
    rootless(config)
    config.linux.cgroupsPath = `/${delegation.name}/own`
  })
  const words = [runtime.path, '--root', join(directory, 'state'), 'run', '--bundle', directory, fresh()]
  const result = run(delegation.wrap(user.current.wrap(words)), { cwd: directory })
  expect(result).toMatchObject({ status: 0, stderr: '' })
  if (isTsrun) expect(/^0::(.*)$/m.exec(result.stdout)![1]).toBe(`/${delegation.name}/own`)
})

test.skipIf(!isPureV2() && isCrun)('where a cgroup is delegated there is one without being asked for, to pause', () => {
  const delegation = delegatedV2(user.current.uid)
  later(() => delegation.remove())
  const { directory } = own(['sleep', '1000'], rootless)
  const oci = `${runtime.path} --root ${join(directory, 'state')}`
  const script = `${oci} run --detach --bundle ${directory} c >/dev/null && ${oci} exec c cat /proc/self/cgroup && \
    ${oci} pause c && ${oci} state c; ${oci} resume c; ${oci} delete --force c`
  const result = run(delegation.wrap(user.current.wrap(['sh', '-c', script])), { cwd: directory })
  expect(result).toMatchObject({ status: 0, stderr: '' })
  expect(result.stdout).toContain('"status": "paused"')
  if (isTsrun) expect(result.stdout).toMatch(new RegExp(`^0::/${delegation.name}/tsrun-c$`, 'm'))
})

test.runIf(isTsrun).each<[string, (config: Config) => void, string, string]>([
  [
    'a pipe among the devices',
    ({ linux }) => (linux.devices = [{ type: 'p', path: '/dev/pipe' }]),
    'test -p /dev/pipe',
    '',
  ],
  [
    'a limit of its user namespace',
    ({ linux }) => (linux.sysctl = { 'user.max_user_namespaces': '5' }),
    'cat /proc/sys/user/max_user_namespaces',
    '5\n',
  ],
  [
    'the group of terminals that the template of root names',
    config => config.mounts.find(mount => mount.destination === '/dev/pts')!.options!.push('gid=5'),
    'test -c /dev/pts/ptmx',
    '',
  ],
  [
    'a sysfs without a network namespace',
    config =>
      Object.assign(config.mounts.find(mount => mount.destination === '/sys')!, { type: 'sysfs', options: ['ro'] }),
    'test -d /sys/class && ! touch /sys/x 2>/dev/null',
    '',
  ],
  [
    "the path of a cgroup that is not the user's, and nothing to limit",
    ({ linux }) => (linux.cgroupsPath = '/not-of-the-user/own'),
    'echo runs',
    'runs\n',
  ],
])('%s is no obstacle for a user (crun, runc: refused)', (_, change, script, stdout) => {
  const result = runAsUser(script, config => {
    rootless(config)
    change(config)
  })
  expect(result).toMatchObject({ status: 0, stdout })
})

test.runIf(isTsrun)('limits where no cgroup is delegated are an error (crun: ignored)', () => {
  const result = runAsUser('true', config => {
    rootless(config)
    config.linux.resources = { pids: { limit: 50 } }
  })
  expectOneSentence(result, /\/linux\/resources\/pids\/limit/)
})

test.runIf(isTsrun)('an access time that the user namespace locks is an error (crun: ignored)', () => {
  const result = runAsUser('true', config => {
    rootless(config)
    config.mounts.push({ destination: '/mnt', type: 'bind', source: '/dev/shm', options: ['bind', 'noatime'] })
  })
  expectOneSentence(result, /mount `\/mnt`: mount_setattr .* may not clear these attributes/)
})
