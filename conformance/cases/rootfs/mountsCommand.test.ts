// `mounts add` and `mounts remove`: crun's command line and files.

import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config, Mount } from '../../lib/config.ts'
import { type Container, create, createRunning, oci } from '../../lib/container.ts'
import { exec, look } from '../../lib/exec.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { hostMounts } from '../../lib/machine.ts'
import { must, type Result, run } from '../../lib/run.ts'
import { isRunc, isTsrun, olderThan, runtime } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { handOver, withUser } from '../../lib/user.ts'

leavesNothing()
const user = withUser()

/** runc has no such command, and crun not yet. */
const missing = isRunc || olderThan('crun', 1, 26)

function file(mounts: unknown): string {
  const path = join(makeDirectory(), 'mounts.json')
  writeFileSync(path, JSON.stringify(mounts))
  return path
}

function mounts(deed: 'add' | 'remove', { id }: Pick<Container, 'id'>, list: unknown): Result {
  return oci(['mounts', deed, id, file(list)])
}

const NOTHING_DIFFERS = { status: 0, stdout: 'nothing differs from config.json and updates\n', stderr: '' }

function must0(result: Result): void {
  expect(result).toEqual({ status: 0, signal: null, stdout: '', stderr: '' })
}

const bind = (source: string, destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', ...options],
})
/** A mount that shows so many ids, from the first one that is not root's. */
const mapped = (options: string[], size: number): Mount => ({
  destination: '/mnt',
  source: '/usr',
  options,
  uidMappings: [{ containerID: 0, hostID: 1, size }],
  gidMappings: [{ containerID: 0, hostID: 1, size }],
})

const tmpfs = (destination: string, ...options: string[]): Mount => ({
  destination,
  type: 'tmpfs',
  source: 'tmpfs',
  options,
})

/** A directory of the host with a file in it. */
function source(): string {
  const directory = makeDirectory()
  writeFileSync(join(directory, 'file'), 'of the host\n')
  return directory
}

const seen = (container: Container) => look(container, 'cut -d" " -f5 /proc/self/mountinfo').split('\n')

describe.skipIf(missing)('mounts (peers: newer crun only)', () => {
  test('a directory, a file and a tmpfs come into a running container and go again', () => {
    const directory = source()
    const container = createRunning()
    const list = [
      bind(directory, '/mnt/dir', 'ro'),
      bind(join(directory, 'file'), '/etc/file'),
      tmpfs('/srv', 'size=64k'),
    ]
    must0(mounts('add', container, list))
    expect(look(container, 'cat /mnt/dir/file /etc/file')).toBe('of the host\nof the host')
    expect(exec(container, ['touch', '/mnt/dir/new']).stderr).toContain('Read-only file system')
    expect(look(container, 'touch /srv/x; df -k /srv | tail -1')).toMatch(/^tmpfs +64 /)
    must0(mounts('remove', container, list))
    expect(seen(container)).not.toContain('/mnt/dir')
    expect(look(container, 'cat /etc/file; ls /mnt/dir /srv')).toBe('/mnt/dir:\n\n/srv:')
    expect(readFileSync(join(directory, 'file'), 'utf8')).toBe('of the host\n')
  })

  test('what is mounted in there does not come back to the host', () => {
    const directory = source()
    const container = createRunning()
    must0(mounts('add', container, [bind(directory, '/mnt')]))
    const pid = container.state().pid
    must(['nsenter', '-t', `${pid}`, '-m', '-p', '--', '/bin/busybox', 'mount', '-t', 'tmpfs', 'none', '/mnt'])
    expect(hostMounts().filter(({ target }) => target.startsWith(directory))).toEqual([])
  })
})

describe.skipIf(!isTsrun)('mounts (tsrun only)', () => {
  test('all or none', () => {
    const container = createRunning()
    const before = seen(container)
    const list = [tmpfs('/mnt'), tmpfs('/srv'), bind('/no/such/directory', '/opt')]
    expectOneSentence(mounts('add', container, list), /mount `\/opt`: open_tree `\/no\/such\/directory`: ENOENT/)
    expectOneSentence(
      mounts('add', container, [tmpfs('/mnt'), tmpfs('/srv', 'size=nonsense')]),
      /mount `\/srv`: .*size=nonsense/,
    )
    expect(seen(container)).toEqual(before)
    must0(mounts('add', container, [tmpfs('/mnt')]))
    expectOneSentence(mounts('remove', container, [tmpfs('/mnt'), tmpfs('/srv')]), /\/mounts\/1\/destination: neither/)
    expect(seen(container)).toContain('/mnt')
  })

  test('a container that is not started, and one that is paused', () => {
    const directory = source()
    const container = create(['cat', '/mnt/file'])
    must0(mounts('add', container, [bind(directory, '/mnt')]))
    container.start()
    container.until('stopped')
    expect(container.output()).toBe('of the host\n')
    const other = createRunning()
    oci(['pause', other.id])
    must0(mounts('add', other, [bind(directory, '/mnt')]))
    oci(['resume', other.id])
    expect(look(other, 'cat /mnt/file')).toBe('of the host')
  })

  test('a container with a user namespace: an id-mapped source, and mount points of its root', () => {
    const directory = source()
    const container = createRunning((config, rootfs) => {
      must(['chown', '-hR', '200000:200000', rootfs])
      config.linux.namespaces.push({ type: 'user' })
      config.linux.uidMappings = [{ containerID: 0, hostID: 200_000, size: 65_536 }]
      config.linux.gidMappings = config.linux.uidMappings
    })
    must0(
      mounts('add', container, [bind(directory, '/mnt/mapped', 'idmap'), bind(directory, '/mnt/plain'), tmpfs('/srv')]),
    )
    expect(look(container, 'stat -c %u /mnt/mapped/file /mnt/plain/file /mnt /srv')).toBe('0\n65534\n0\n0')
    expect(look(container, 'echo mine >/mnt/mapped/new; cat /mnt/mapped/new')).toBe('mine')
    expect(statSync(join(directory, 'new')).uid).toBe(0)
    expect(JSON.parse(oci(['inspect', '--drift', '--format', 'json', container.id]).stdout).drift).toEqual([])
    must0(mounts('remove', container, [tmpfs('/srv'), bind('', '/mnt/mapped')]))
    expect(seen(container).filter(target => /mnt|srv/.test(target))).toEqual(['/mnt/plain'])
  })

  test('a read-only root needs its mount points', () => {
    const container = createRunning((config, rootfs) => {
      config.root.readonly = true
      mkdirSync(join(rootfs, 'mnt'))
    })
    must0(mounts('add', container, [tmpfs('/mnt')]))
    expectOneSentence(mounts('add', container, [tmpfs('/missing')]), /mount `\/missing`: mkdirat `missing`: EROFS/)
  })

  test('inspect --drift knows what was added and removed', () => {
    const container = createRunning(config => config.mounts.push(tmpfs('/media')))
    const drift = () => oci(['inspect', '--drift', container.id])
    must0(mounts('add', container, [bind(source(), '/mnt', 'ro'), tmpfs('/srv', 'noexec')]))
    must0(mounts('remove', container, [tmpfs('/media')]))
    expect(drift()).toMatchObject(NOTHING_DIFFERS)
    const pid = container.state().pid
    must(['nsenter', '-t', `${pid}`, '-m', '-p', '--', '/bin/busybox', 'mount', '-o', 'remount,bind,rw', '/mnt'])
    expect(drift()).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('the mount `/mnt` is rw,relatime, expected ro'),
    })
  })

  test('several on top of each other go newest first', () => {
    const [first, second] = [source(), source()]
    writeFileSync(join(second, 'file'), 'second\n')
    const container = createRunning()
    must0(mounts('add', container, [bind(first, '/mnt')]))
    must0(mounts('add', container, [bind(second, '/mnt')]))
    expect(look(container, 'cat /mnt/file')).toBe('second')
    must0(mounts('remove', container, [bind('', '/mnt')]))
    expect(look(container, 'cat /mnt/file')).toBe('of the host')
  })

  test('the list may be that of a config.json, or come from the standard input', () => {
    const container = createRunning()
    must0(mounts('add', container, { mounts: [tmpfs('/mnt')] }))
    must0(oci(['mounts', 'remove', container.id, '-'], { input: JSON.stringify([{ destination: '/mnt' }]) }))
  })

  test.each<[string, unknown, RegExp]>([
    ['no list', { destination: '/mnt' }, /is not a list of mounts/],
    ['a wrong shape', [{ type: 'tmpfs' }], /\/mounts\/0/],
    ['/proc', [tmpfs('/proc/self')], /\/mounts\/0\/destination: `\/proc\/self` is inside/],
    // The rules of create, each.
    [
      'the last id of all',
      [mapped(['bind', 'idmap'], 2 ** 32 - 1)],
      /\/mounts\/0\/uidMappings: hostID goes up to 4294967295/,
    ],
    ['id maps without a bind', [mapped(['idmap'], 1)], /\/mounts\/0: only a bind mount can be id-mapped/],
    [
      'an inline id map without a bind',
      [tmpfs('/mnt', 'idmap=uids=0-1-2;gids=0-1-2')],
      /only a bind mount can be id-mapped/,
    ],
    ['a mount on the root', [tmpfs('/')], /\/mounts\/0\/destination: nothing can be mounted over `\/`/],
    ['a NUL', [tmpfs('/a\0b')], /\/mounts\/0\/destination: contains a NUL/],
    ['a prototype', JSON.parse('[{"destination": "/mnt", "__proto__": {}}]'), /__proto__: this name is not allowed/],
    ['a remount', [{ destination: '/tmp', options: ['remount', 'ro'] }], /\/mounts\/0\/options: a mount that is there/],
  ])('%s is refused', (_, list, words) => {
    expectOneSentence(mounts('add', createRunning(), list), words)
  })

  test('a word that is neither, no JSON, a container that has stopped, one without mounts of its own', () => {
    const container = createRunning()
    expectOneSentence(oci(['mounts', 'list', container.id, file([])]), /mounts: `list` is not one of `add`, `remove`/)
    expectOneSentence(oci(['mounts', 'add', container.id, '-'], { input: '[' }), /the standard input .*line 1/)
    container.kill('KILL')
    container.until('stopped')
    expectOneSentence(mounts('add', container, [tmpfs('/mnt')]), /container not running/)
    expectOneSentence(oci(['mounts', 'add', 'nobody', file([])]), /container `nobody` does not exist/)
  })

  test('a link in the container leads to nothing but the container, and not into its procfs', () => {
    const secret = source()
    const container = createRunning((_, rootfs) => {
      symlinkSync(`../../../../../..${secret}`, join(rootfs, 'out'))
      symlinkSync('/proc/1', join(rootfs, 'process'))
    })
    expect(mounts('add', container, [tmpfs('/out')]).status).toBe(0) // what it names is made in the container
    expectOneSentence(mounts('add', container, [tmpfs('/process')]), /leads .*into a procfs/)
    expect(hostMounts().some(({ target }) => target.startsWith(secret))).toBe(false)
  })

  test('a container that swaps a directory and a link all the time gains nothing', () => {
    const [directory, secret] = [source(), makeDirectory()]
    const swap = `mkdir -p /a/x; while :; do mv -T /a/x /a/y; ln -s ../../../../../../..${secret} /a/x; rm /a/x; ln -s /proc/1 /a/x; rm /a/x; mv -T /a/y /a/x; done`
    const container = createRunning(undefined, `trap 'exit 0' TERM; ${swap}`)
    const results = Array.from({ length: 30 }, () => mounts('add', container, [bind(directory, '/a/x')]))
    for (const { status, stderr } of results) if (status !== 0) expect(stderr).toMatch(/^tsrun: mounts add [^\n]+\n$/)
    expect(hostMounts().filter(({ target }) => target.startsWith(secret))).toEqual([])
    const pid = container.state().pid
    const targets = readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
      .split('\n')
      .map(line => line.split(' ')[4] ?? '')
    expect(targets.filter(target => target.startsWith('/proc/1'))).toEqual([])
    expect(existsSync(join(secret, 'file'))).toBe(false)
    container.kill('KILL')
  })

  test('remove takes away nothing but what was added: no mask, and nothing that lies over it or stands in its place', () => {
    const container = createRunning()
    const pid = container.state().pid
    const inside = (...words: string[]) => must(['nsenter', '-t', `${pid}`, '-m', '-p', '--', '/bin/busybox', ...words])
    expectOneSentence(mounts('remove', container, [{ destination: '/proc/keys' }]), /neither config.json nor/)
    expectOneSentence(mounts('remove', container, [{ destination: '/' }]), /neither config.json nor/)
    must0(mounts('add', container, [tmpfs('/mnt/x')]))
    inside('mount', '-t', 'ramfs', 'none', '/mnt/x')
    expectOneSentence(mounts('remove', container, [{ destination: '/mnt/x' }]), /something else in its place/)
    inside('umount', '/mnt/x')
    inside('umount', '/mnt/x')
    inside('sh', '-c', 'rmdir /mnt/x; ln -s /proc/keys /mnt/x')
    expectOneSentence(mounts('remove', container, [{ destination: '/mnt/x' }]), /something else in its place/)
    expect(seen(container)).toContain('/proc/keys')
  })

  test('an unprivileged user can add new file systems, but nothing of the host', () => {
    const { oci: own, id } = runningAsUser()
    const add = (list: Mount[]) => own('mounts', 'add', id, file(list))
    must0(add([tmpfs('/mnt')]))
    expectOneSentence(add([bind('/tmp', '/srv')]), /mount `\/srv`: .*CAP_SYS_ADMIN.*podman unshare/)
    expect(own('exec', id, 'sh', '-c', 'touch /mnt/x; stat -c %u /mnt/x').stdout).toBe('0\n')
    expect(own('inspect', '--drift', id)).toMatchObject(NOTHING_DIFFERS)
    must0(own('mounts', 'remove', id, file([tmpfs('/mnt')])))
    expect(own('exec', id, 'cat', '/proc/self/mountinfo').stdout).not.toContain(' /mnt ')
    expect(own('delete', '--force', id).status).toBe(0)
  })
})

/** A running container of the unprivileged user. */
function runningAsUser() {
  const { uid, gid } = user.current
  const { directory } = makeBundle((config: Config) => {
    config.process.args = ['sleep', '1000']
    config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network')
    config.linux.namespaces.push({ type: 'user' })
    config.linux.uidMappings = [{ containerID: 0, hostID: uid, size: 1 }]
    config.linux.gidMappings = [{ containerID: 0, hostID: gid, size: 1 }]
    delete config.linux.resources
    const sys = config.mounts.find(mount => mount.destination === '/sys')!
    Object.assign(sys, { type: 'none', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] })
  })
  const root = handOver(user.current, directory)
  const own = (...words: string[]) =>
    run(user.current.wrap([runtime.path, '--root', root, ...words]), { cwd: directory })
  const id = fresh()
  must0(own('run', '--detach', '--bundle', directory, id))
  return { oci: own, id }
}
