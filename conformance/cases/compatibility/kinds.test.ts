// What images and engines do that a stricter runtime refuses: each kind by its name, in the form in which it was met first, and
// in others. docs/compatibility.md tells which file has more of it.

import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { type Change, command, createRunning, inside, oci, runArgs, runBundle, runScript } from '../../lib/container.ts'
import { exec } from '../../lib/exec.ts'
import { cgroup2Mount, isAlive } from '../../lib/machine.ts'
import { eventually, must, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh, later, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** A change by properties, some of which no type has. */
// biome-ignore lint/suspicious/noExplicitAny: what is written here is against the type on purpose
type Loose = any
const having = (change: (config: Loose, rootfs: string) => void) => change as unknown as Change

/** A name, a change, a script, and what it has to print. */
type Row = readonly [string, Change, string, string | RegExp]

function prints(_: string, change: Change, script: string, wanted: string | RegExp): void {
  const { stdout, stderr } = runScript(script, change)
  expect(`${stdout}${stderr}`).toMatch(wanted)
}

const volume = (options: string, fill: (directory: string) => void = () => {}) => {
  const directory = makeDirectory()
  must(['mount', '-t', 'tmpfs', '-o', options, 'none', directory])
  later(() => run(['umount', directory]))
  fill(directory)
  return directory
}
const withEcho = (directory: string) => must(['cp', '/bin/busybox', join(directory, 'echo')])
const bind = (destination: string, source: string, ...options: string[]) => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', ...options],
})
const mounted = (path: string) => `grep ' ${path} ' /proc/self/mounts | cut -d' ' -f4`

describe('bind-rw-clears-flags', () => {
  test.each<Row>([
    [
      'rw',
      config => config.mounts.push(bind('/v', volume('nosuid,nodev,noexec', withEcho), 'rprivate', 'rw')),
      '/v/echo ran',
      /^ran$/m,
    ],
    [
      'another word about the mount',
      config => config.mounts.push(bind('/v', volume('noexec', withEcho), 'nodev')),
      '/v/echo ran',
      /^ran$/m,
    ],
    [
      'what the options ask for stays',
      config => config.mounts.push(bind('/v', volume('nosuid,noexec', withEcho), 'rw', 'noexec')),
      '/v/echo ran',
      /Permission denied/,
    ],
    [
      'a read-only volume becomes writable',
      config => config.mounts.push(bind('/v', volume('nosuid'), 'rw')),
      `touch /v/x && ${mounted('/v')}`,
      /^rw,(?!.*nosuid)/m,
    ],
  ])('%s', prints)
})

describe('cgroup-mount-option', () => {
  test.each(['foo=bar', 'foo', 'none', 'name=systemd', 'memory'])('%s is named', option => {
    const options = ['nosuid', 'noexec', 'nodev', 'relatime', 'ro', option]
    const change: Change = config => {
      config.linux.namespaces.push({ type: 'cgroup' })
      config.mounts.push({ destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options })
    }
    const { status, stderr } = runScript('true', change)
    expect(status).not.toBe(0)
    if (isTsrun) expect(stderr).toContain(option)
  })
})

describe('damaged-state', () => {
  test.skipIf(!isTsrun).each(['{}', 'null', '[]', '{"id":"web"}', '', '{"id":', '\0\0\0', '"x"', '7'])('%j', text => {
    const container = createRunning()
    const good = createRunning()
    const { pid } = container.state()
    writeFileSync(join(stateRoot, container.id, 'state.json'), text)
    expect(oci(['list']).stdout).toContain(good.id)
    for (const words of [
      ['state', container.id],
      ['kill', container.id, 'KILL'],
    ]) {
      const { status, stderr } = oci(words)
      expect(status).toBe(1)
      expect(stderr).toMatch(/^tsrun: [^\n]+\n$/)
      expect(stderr).not.toMatch(/internal|undefined/)
    }
    expect(oci(['delete', '--force', container.id]).status).toBe(0)
    expect(existsSync(join(stateRoot, container.id))).toBe(false)
    eventually('its end', () => !isAlive(pid!))
  })
})

const ids = [{ containerID: 0, hostID: 100000, size: 65536 }]
const inUserNamespace = (change: (config: Loose) => void): Change =>
  having((config, rootfs) => {
    config.linux.namespaces.push({ type: 'user' })
    Object.assign(config.linux, { uidMappings: ids, gidMappings: ids })
    must(['chown', '-R', '100000:100000', rootfs])
    change(config)
  })
const device = (path: string, minor: number, more: object = {}) =>
  inUserNamespace(config => {
    config.linux.devices = [{ path, type: 'c', major: 1, minor, fileMode: 0o666, uid: 0, gid: 0, ...more }]
  })

describe('device-in-a-user-namespace', () => {
  test.skipIf(isRunc).each<Row>([
    ['a name of its own', device('/dev/mine', 3), "stat -c '%t:%T %u' /dev/mine", /^1:3 0$/m],
    ['in a directory that is not there', device('/dev/by/name/zero', 5), "stat -c '%t:%T' /dev/by/name/zero", /^1:5$/m],
    ['not in /dev', device('/opt/full', 7), "stat -c '%t:%T' /opt/full", /^1:7$/m],
    ['of somebody else', device('/dev/mine', 3, { uid: 5, gid: 6 }), "stat -c '%u %g' /dev/mine", /^5 6$/m],
    ['another mode', device('/dev/mine', 3, { fileMode: 0o640 }), "stat -c '%a' /dev/mine", /^640$/m],
  ])('%s', prints)
})

const words127 = /not found|no such file or directory/i
const words126 = /permission denied|is a directory/i

describe('empty-program-name', () => {
  test.each<[string, string[], RegExp]>([
    ['nothing', [''], words127],
    ['nothing, with an argument', ['', 'x'], words127],
    ['a blank', [' '], words127],
    ['a slash behind a file', ['/bin/busybox/'], /not a directory|no such file/i],
    ['the root', ['/'], words126],
    ['a directory', ['/bin'], words126],
    ['a point', ['.'], /permission denied|is a directory|not found/i],
  ])('%s', (_, args, wanted) => {
    expect(runArgs(args).stderr).toMatch(wanted)
    const { stderr, status } = exec(createRunning(), args)
    expect(stderr).toMatch(wanted)
    expect(status).not.toBe(0)
  })
})

describe('empty-propagation, and other empty words', () => {
  test.each<Row>(
    [
      ['rootfsPropagation', (config: Loose) => (config.linux.rootfsPropagation = '')],
      ['mountLabel', (config: Loose) => (config.linux.mountLabel = '')],
      [
        'apparmorProfile, selinuxLabel',
        (config: Loose) => Object.assign(config.process, { apparmorProfile: '', selinuxLabel: '' }),
      ],
      ['hostname, domainname', (config: Loose) => Object.assign(config, { hostname: '', domainname: '' })],
      [
        'path of a namespace',
        (config: Loose) => {
          for (const namespace of config.linux.namespaces) namespace.path = ''
        },
      ],
      [
        'source and options of a mount',
        (config: Loose) => config.mounts.push({ destination: '/m', type: 'tmpfs', source: '', options: [] }),
      ],
      ['cpus and mems', (config: Loose) => (config.linux.resources = { cpu: { cpus: '', mems: '' } })],
    ].map(([name, change]) => [name as string, having(change as Loose), 'echo fine', /^fine$/m] as const),
  )('%s', prints)
})

describe('exec-missing-directory', () => {
  test.each<[string, string, RegExp]>([
    ['missing', '/missing/path', /no such file or directory/i],
    ['behind a link to nowhere', '/nowhere', /no such file or directory/i],
    ['below a file', '/bin/busybox/below', /not a directory/i],
    ['a file', '/bin/busybox', /not a directory/i],
  ])('%s, by --cwd and by a process file', (_, cwd, wanted) => {
    const container = createRunning((_, rootfs) => symlinkSync('/not/there', join(rootfs, 'nowhere')))
    const file = join(makeDirectory(), 'process.json')
    writeFileSync(file, JSON.stringify({ args: ['true'], cwd, env: ['PATH=/bin'] }))
    for (const { status, stderr } of [
      exec(container, ['true'], ['--cwd', cwd]),
      oci(['exec', '--process', file, container.id]),
    ]) {
      expect(status).not.toBe(0)
      expect(stderr).toMatch(wanted)
    }
  })
})

const sh = (script: string, more: object = {}) => ({ path: '/bin/sh', args: ['sh', '-c', script], ...more })
const hooked = (moment: string, ...hooks: object[]): Change => having(config => (config.hooks = { [moment]: hooks }))

describe('hook-says-why-it-failed', () => {
  test.skipIf(isCrun).each<Row>([
    ['startContainer', hooked('startContainer', { path: '/bin/cat', args: ['cat', '/nosuchfile'] }), '', /nosuchfile/],
    ['createRuntime', hooked('createRuntime', sh('echo because >&2; exit 1')), '', /because/],
    ['createContainer', hooked('createContainer', sh('echo because >&2; exit 1')), '', /because/],
    ['the second of two', hooked('createRuntime', sh('exit 0'), sh('echo the second >&2; exit 2')), '', /the second/],
    ['prestart', hooked('prestart', sh('echo because >&2; exit 1')), '', /because/],
  ])('%s', prints)
})

describe('hook-without-env, start-container-hook-without-env', () => {
  const seen = (env: object) => {
    const file = join(makeDirectory(), 'env')
    const bundle = makeBundle(hooked('createRuntime', sh(`/usr/bin/env > ${file}`, env)))
    runBundle(bundle, { env: { ...process.env, A: 'of the caller' } })
    return readFileSync(file, 'utf8')
  }
  test.each([{}, { env: null }])('%j has that of the runtime', env => {
    expect(seen(env)).toMatch(/^A=of the caller$/m)
  })
  test('an empty list is empty', () => {
    expect(seen({ env: [] })).not.toMatch(/^A=/m)
  })
  test.each([{}, { env: null }])('startContainer, %j, has that of the program', env => {
    const change = having(config => {
      config.process.env = ['PATH=/bin', 'ONE=two']
      config.hooks = { startContainer: [sh('/bin/env > /tmp/out', env)] }
    })
    expect(inside('cat /tmp/out', change)).toMatch(/^ONE=two$/m)
  })
})

/** Links in the image, each as target and name. */
const linked = (links: readonly (readonly [string, string])[], ...mounts: Config['mounts']): Change =>
  having((config, rootfs) => {
    for (const [target, name] of links) {
      const path = join(rootfs, name)
      mkdirSync(join(path, '..'), { recursive: true })
      must(['rm', '-rf', path])
      symlinkSync(target, path)
    }
    config.mounts.push(...mounts)
  })
const file = (text: string) => {
  const path = join(makeDirectory(), 'file')
  writeFileSync(path, `${text}\n`)
  return path
}
const directoryWith = (name: string) => {
  const directory = makeDirectory()
  writeFileSync(join(directory, name), '')
  return directory
}
const tmpfs = (destination: string) => ({ destination, type: 'tmpfs', source: 'tmpfs' })

describe('image-link-directory, image-link-file', () => {
  test.skipIf(isCrun).each<[string, () => Change, string, RegExp]>([
    [
      'a chain of links to a directory that is not there',
      () =>
        linked(
          [
            ['/app/logs/tomcat', 'app/tomcat-9/logs'],
            ['/app/tomcat-9', 'app/tomcat'],
          ],
          bind('/app/tomcat/logs', directoryWith('x'), 'rw'),
        ),
      'ls /app/tomcat/logs/',
      /^x$/m,
    ],
    [
      'resolv.conf of systemd-resolved',
      () =>
        linked(
          [['../run/systemd/resolve/stub-resolv.conf', 'etc/resolv.conf']],
          bind('/etc/resolv.conf', file('nameserver 1.1.1.1')),
        ),
      'cat /etc/resolv.conf',
      /^nameserver 1\.1\.1\.1$/m,
    ],
    [
      '/tmp is a link',
      () => linked([['/var/volatile/tmp', 'tmp']], tmpfs('/tmp')),
      'touch /var/volatile/tmp/x && ls /tmp/',
      /^x$/m,
    ],
    [
      '/var/run is a link',
      () => linked([['/run', 'var/run']], tmpfs('/var/run')),
      "grep -c ' /run ' /proc/self/mounts",
      /^1$/m,
    ],
    [
      '/etc is a link',
      () => linked([['config', 'etc']], bind('/etc/hosts', file('hosts'))),
      'cat /config/hosts',
      /^hosts$/m,
    ],
    [
      'a link that climbs above the root',
      () => linked([['../../../../../../data/hosts', 'etc/hosts']], bind('/etc/hosts', file('hosts'))),
      'cat /data/hosts',
      /^hosts$/m,
    ],
    [
      'a file behind a link in the middle',
      () => linked([['/data', 'srv/www']], bind('/srv/www/conf/site', file('site'))),
      'cat /data/conf/site',
      /^site$/m,
    ],
  ])('%s', (name, change, script, wanted) => prints(name, change(), script, wanted))
})

describe('kill-when-the-first-process-is-gone', () => {
  const path = (id: string) => join(cgroup2Mount()!, id)
  test.skipIf(isCrun).each(['kill', 'kill --all', 'delete --force'])('%s', words => {
    const id = fresh('kill')
    const container = createRunning(
      having(config => {
        config.linux.namespaces = config.linux.namespaces.filter(({ type }: Loose) => type !== 'pid')
        Object.assign(config.linux, { cgroupsPath: `/${id}`, maskedPaths: [], readonlyPaths: [] })
      }),
      'sleep 50 & sleep 51 & exec sleep 52',
    )
    const left = () => {
      const text = existsSync(path(id)) ? readFileSync(join(path(id), 'cgroup.procs'), 'utf8') : ''
      return text.split('\n').filter(Boolean).length
    }
    eventually('three processes', () => left() === 3)
    process.kill(container.state().pid!, 'SIGKILL')
    eventually('two processes', () => left() === 2)
    const [verb, ...flags] = words.split(' ')
    expect(oci([verb!, ...flags, container.id, ...(verb === 'kill' ? ['KILL'] : [])]).status).toBe(0)
    eventually('none', () => left() === 0)
  })
})

describe('large-passwd', () => {
  const passwd = (text: string) =>
    having((config, rootfs) => {
      config.process.env = ['PATH=/bin']
      writeFileSync(join(rootfs, 'etc/passwd'), text)
    })
  const many = Array.from({ length: 200 }, (_, i) => `user${i}:x:${1000 + i}:${1000 + i}::/home/user${i}:/bin/sh\n`)
  const root = 'root:x:0:0:root:/rooot:/bin/sh'
  test.each<[string, string]>([
    ['200 users before', `${many.join('')}${root}\n`],
    ['no newline at the end', root],
    ['comments, empty lines and others that are none', `# users\n\njunk\n${root}\n`],
    ['a long line before', `long:x:1:1:${'x'.repeat(900)}:/:/bin/sh\n${root}\n`],
    ['no shell', 'root:x:0:0:root:/rooot:\n'],
  ])('%s', (_, text) => {
    expect(inside('echo HOME=$HOME', passwd(text))).toBe('HOME=/rooot')
  })
  test('a link in the image, absolute', () => {
    const change = having((config, rootfs) => {
      config.process.env = ['PATH=/bin']
      must(['rm', '-f', join(rootfs, 'etc/passwd')])
      mkdirSync(join(rootfs, 'usr/etc'), { recursive: true })
      writeFileSync(join(rootfs, 'usr/etc/passwd'), `${root}\n`)
      symlinkSync('/usr/etc/passwd', join(rootfs, 'etc/passwd'))
    })
    expect(inside('echo HOME=$HOME', change)).toBe('HOME=/rooot')
  })
})

describe('long-mount-option', () => {
  test.each([120, 1000])('three layers of %i bytes each', length => {
    const above = join(makeDirectory(), Array.from({ length: length / 100 }, () => 'l'.repeat(99)).join('/'))
    const layers = ['1', '2', '3'].map(name => `${above}${name}`)
    for (const layer of layers) mkdirSync(layer, { recursive: true })
    writeFileSync(join(layers[2]!, 'f'), 'deep\n')
    const options = [`lowerdir=${layers.join(':')}`]
    const overlay = { destination: '/m', type: 'overlay', source: 'overlay', options }
    expect(inside('cat /m/f', config => void config.mounts.push(overlay))).toBe('deep')
  })
})

test.skipIf(isCrun)(
  'many-mounts: more than there may be descriptors, and the program has the limit of the caller',
  () => {
    const source = makeDirectory()
    const { directory } = makeBundle(config => {
      for (let i = 0; i < 1100; i += 1) config.mounts.push(bind(`/mnt/${i}`, source, 'ro'))
      config.process.rlimits = []
      config.process.args = ['sh', '-c', 'grep -c /mnt/ /proc/self/mounts; ulimit -Sn']
    })
    const id = fresh()
    later(() => oci(['delete', '--force', id]))
    const words = command('run', '--bundle', directory, id).join(' ')
    expect(run(['sh', '-c', `ulimit -Sn 1024; ${words}`]).stdout).toBe('1100\n1024\n')
  },
)

describe('null-for-optional', () => {
  const nothing: readonly [string, (config: Loose) => void][] = [
    [
      'what was met first',
      config => {
        Object.assign(config, { hooks: null, annotations: null })
        Object.assign(config.process, { rlimits: null, oomScoreAdj: null, selinuxLabel: null })
      },
    ],
    [
      'of linux',
      config =>
        Object.assign(config.linux, {
          devices: null,
          sysctl: null,
          seccomp: null,
          intelRdt: null,
          uidMappings: null,
          timeOffsets: null,
          netDevices: null,
          personality: null,
          maskedPaths: null,
          readonlyPaths: null,
        }),
    ],
    [
      'of resources',
      config =>
        (config.linux.resources = {
          memory: null,
          cpu: { shares: null, cpus: null },
          pids: null,
          blockIO: null,
          hugepageLimits: null,
          network: null,
          unified: null,
        }),
    ],
    [
      'of a process',
      config =>
        Object.assign(config.process, {
          user: { uid: 0, gid: 0, umask: null, additionalGids: null },
          scheduler: null,
          ioPriority: null,
          execCPUAffinity: null,
          consoleSize: null,
          noNewPrivileges: null,
          apparmorProfile: null,
        }),
    ],
    [
      'of a hook, a mount, a root',
      config => {
        config.hooks = { createRuntime: [{ path: '/bin/true', args: null, env: null, timeout: null }], poststop: null }
        config.mounts.push({ destination: '/m', type: 'tmpfs', source: null, options: null })
        config.root.readonly = null
      },
    ],
  ]
  test.each(nothing)('%s', (_, change) => {
    expect(inside('echo fine', having(change))).toBe('fine')
  })
})

describe('pids-limit-zero', () => {
  test.each<[string, string, object]>([
    ['0 before 1.3', '1.0.2', { limit: 0 }],
    ['-1', '1.0.2', { limit: -1 }],
    ['-1 of 1.3', '1.3.0', { limit: -1 }],
    ['nothing', '1.0.2', {}],
    ['null', '1.0.2', { limit: null }],
  ])('%s is no limit', (_, version, pids) => {
    const change = having(config => {
      config.ociVersion = version
      config.linux.resources = { pids }
    })
    expect(inside('echo a | cat', change)).toBe('a')
  })
})

describe('preserve-sparse-descriptors', () => {
  const secret = () => {
    const fd = openSync(file('secret'), 'r')
    later(() => closeSync(fd))
    return fd
  }
  const with5 = (words: readonly string[], ...others: ('ignore' | number)[]) =>
    spawnSync(words[0]!, words.slice(1), {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', ...others],
    })
  test.skipIf(isRunc)('run with only 5 open', () => {
    const { directory } = makeBundle(config => (config.process.args = ['sh', '-c', 'cat <&5']))
    const id = fresh()
    later(() => oci(['delete', '--force', id]))
    const words = command('run', '--preserve-fds', '3', '--bundle', directory, id)
    const open = ['sh', '-c', `exec "$@" 3>&- 4>&-`, 'sh', ...words]
    expect(with5(open, 'ignore', 'ignore', secret()).stdout).toBe('secret\n')
  })
  test.skipIf(isRunc)('exec with only 5 open', () => {
    const words = command('exec', '--preserve-fds', '3', createRunning().id, 'sh', '-c', 'cat <&5')
    const open = ['sh', '-c', `exec "$@" 3>&- 4>&-`, 'sh', ...words]
    expect(with5(open, 'ignore', 'ignore', secret()).stdout).toBe('secret\n')
  })
  test.skipIf(isRunc)('none is open', () => {
    const { directory } = makeBundle(config => (config.process.args = ['echo', 'fine']))
    const id = fresh()
    later(() => oci(['delete', '--force', id]))
    const { status, stdout } = oci(['run', '--preserve-fds', '5', '--bundle', directory, id])
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'fine\n' })
  })
})

describe('source-from-an-earlier-mount', () => {
  const source = () => {
    const directory = makeDirectory()
    mkdirSync(join(directory, 'x'))
    writeFileSync(join(directory, 'x/y'), 'y\n')
    return directory
  }
  const from =
    (destination: string, path: string): Change =>
    (config, rootfs) => {
      config.mounts.push(bind('/mnt', source()), bind(destination, join(rootfs, path)))
    }
  test.each<Row>([
    ['a directory', from('/opt/z', 'mnt/x'), 'ls /opt/z', /^y$/m],
    ['a file', from('/opt/z', 'mnt/x/y'), 'cat /opt/z', /^y$/m],
    ['all of it', from('/opt/z', 'mnt'), 'cat /opt/z/x/y', /^y$/m],
  ])('%s', prints)
})

describe('stdout-of-a-user, stdout-of-a-user-in-exec', () => {
  const user = having(config => (config.process.user = { uid: 1000, gid: 1000 }))
  test.each<[string, string]>([
    ['/dev/stdout', 'echo hi >/dev/stdout'],
    ['/dev/stderr', 'echo hi >/dev/stderr'],
    ['/proc/self/fd/2', 'echo hi >/proc/self/fd/2'],
    ['appended', 'echo hi >>/dev/stdout'],
  ])('%s', (_, script) => {
    prints('', user, script, /^hi$/m)
    const { stdout, stderr } = exec(createRunning(), ['sh', '-c', script], ['--user', '1000:1000'])
    expect(`${stdout}${stderr}`).toMatch(/^hi$/m)
  })
  test('standard input', () => {
    const { directory } = makeBundle(config => {
      user(config, '')
      config.process.args = ['cat', '/dev/stdin']
    })
    const id = fresh()
    later(() => oci(['delete', '--force', id]))
    const words = command('run', '--bundle', directory, id).join(' ')
    expect(run(['sh', '-c', `echo in | ${words}`]).stdout).toBe('in\n')
  })
})

test.skipIf(isCrun)(
  'terminal-without-carriage-returns: where the output of a foreground terminal is no terminal',
  () => {
    const { directory } = makeBundle(config => {
      config.process.terminal = true
      config.process.args = ['echo', 'hi']
    })
    const [id, out] = [fresh(), join(makeDirectory(), 'out')]
    later(() => oci(['delete', '--force', id]))
    const words = command('run', '--bundle', directory, id).join(' ')
    run(['script', '-qec', `${words} > ${out}`, '/dev/null'])
    expect(readFileSync(out, 'utf8')).toBe('hi\n')
  },
)

describe('tun-device', () => {
  const rules = (...more: object[]) =>
    having(config => {
      for (const set of Object.values(config.process.capabilities) as string[][]) set.push('CAP_MKNOD')
      config.linux.resources = { devices: [{ allow: false, access: 'rwm' }, ...more] }
    })
  const open = (type: string, major: number, minor: number) =>
    `mknod -m 666 /tmp/node ${type} ${major} ${minor} && cat /tmp/node 2>&1 </dev/null | head -c 100`
  test.each<Row>([
    ['/dev/net/tun', rules(), open('c', 10, 200), /bad state|No such device/],
    ['another device of the same driver', rules(), open('c', 10, 229), /not permitted|denied/],
    [
      'denied by a rule of its own',
      rules({ allow: false, type: 'c', major: 10, minor: 200, access: 'rw' }),
      open('c', 10, 200),
      /bad state|No such device|not permitted/,
    ],
  ])('%s', prints)
})

describe('unknown-capability', () => {
  const sets = (names: string[], ...which: string[]) =>
    having(config => {
      config.process.capabilities = Object.fromEntries(
        ['bounding', 'effective', 'permitted', ...which].map(set => [set, ['CAP_KILL', ...names]]),
      )
    })
  test.each<[string, Change]>([
    ['one', sets(['CAP_OF_LINUX_8'])],
    ['several', sets(['CAP_OF_LINUX_8', 'CAP_', 'KILLING'])],
    ['in every set', sets(['CAP_OF_LINUX_8'], 'inheritable', 'ambient')],
  ])('%s', (_, change) => {
    const { stdout, stderr, status } = runScript('grep CapEff /proc/self/status', change)
    expect(status).toBe(0)
    expect(stdout).toContain('0000000000000020')
    if (isTsrun) expect(stderr).toContain('CAP_OF_LINUX_8')
  })
})
