// What engines and images write, though the specification would have it otherwise: taken as crun and runc take it.

import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import {
  type Change,
  command,
  createRunning,
  inside,
  oci,
  runBundle,
  runScript,
  tryCreate,
} from '../../lib/container.ts'
import { exec } from '../../lib/exec.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { must, run } from '../../lib/run.ts'
import { isCrun, isRunc, isTsrun } from '../../lib/runtime.ts'
import { fresh, later, sceneDirectory } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** A change by properties, some of which no type has. */
// biome-ignore lint/suspicious/noExplicitAny: what is written here is against the type on purpose
type Loose = any
const having = (change: (config: Loose) => void) => change as unknown as Change

const ids = [{ containerID: 0, hostID: 100000, size: 65536 }]
const inUserNamespace =
  (change: (config: Loose) => void = () => {}): Change =>
  (config, rootfs) => {
    config.linux.namespaces.push({ type: 'user' })
    config.linux.uidMappings = ids
    config.linux.gidMappings = ids
    must(['chown', '-R', '100000:100000', rootfs])
    change(config)
  }

test.each<[string, Change]>([
  [
    'null for what is optional',
    having(config => {
      const nothing = { windows: null, hooks: null, annotations: { a: null } }
      Object.assign(config, nothing)
      Object.assign(config.process, { rlimits: null, user: null, apparmorProfile: null, scheduler: null })
      Object.assign(config.linux, { seccomp: null, devices: null, sysctl: { 'net.ipv4.ip_forward': null } })
      config.linux.resources = { memory: { limit: null }, pids: null, devices: null, unified: null }
      config.mounts[0].options = null
    }),
  ],
  [
    'empty words',
    having(config => {
      Object.assign(config, { hostname: '', domainname: '', annotations: { '': 'x', a: '' } })
      Object.assign(config.process, { apparmorProfile: '' })
      Object.assign(config.linux, {
        rootfsPropagation: '',
        resources: { devices: [{ allow: true, type: '', access: 'rwm' }] },
      })
      config.mounts[0].source = ''
    }),
  ],
  ['half a version', having(config => (config.ociVersion = '1.0'))],
  ['a version that is not there yet', having(config => (config.ociVersion = '2.0.0'))],
  ['a limit of which a number is missing', having(config => (config.process.rlimits = [{ type: 'RLIMIT_CORE' }]))],
  ['half a size of a terminal', having(config => (config.process.consoleSize = { height: 24 }))],
  [
    'rules with other letters',
    having(config => (config.linux.resources = { devices: [{ allow: true, access: 'rwa' }] })),
  ],
  [
    'a rule without calls',
    having(
      config =>
        (config.linux.seccomp = {
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [{ names: [], action: 'SCMP_ACT_ERRNO' }],
        }),
    ),
  ],
  ['flags of a personality', having(config => (config.linux.personality = { domain: 'LINUX', flags: ['X'] }))],
  ['mappings for nobody', having(config => Object.assign(config.linux, { uidMappings: ids, gidMappings: ids }))],
  [
    'pids.limit 0 before version 1.3',
    having(config => {
      config.ociVersion = '1.0.2'
      config.linux.resources = { pids: { limit: 0 } }
    }),
  ],
])('%s', (_, change) => {
  expect(inside('echo fine', change)).toBe('fine')
})

test('of two limits for one resource the last counts', () => {
  const limits = [90, 80].map(soft => ({ type: 'RLIMIT_NOFILE', soft, hard: 199 }))
  const result = runScript(
    'ulimit -n',
    having(config => (config.process.rlimits = limits)),
  )
  expect(result.stdout).toBe('80\n')
  if (isTsrun) expect(result.stderr).toContain('/process/rlimits/1')
})

test.each<[string, (path: string) => void, RegExp]>([
  ['a file', path => writeFileSync(path, '', { mode: 0o640 }), /^regular empty file 640/],
  ['a directory', path => mkdirSync(path, { mode: 0o750 }), /^directory 750/],
  ['another device', path => must(['mknod', '-m', '640', path, 'c', '1', '5']), /^character special file 640 1:5/],
  ['a link to a file', path => symlinkSync('/bin/busybox', path), /^symbolic link/],
])('%s of the image at the path of a device stays as it is', (_, make, found) => {
  for (const path of ['/opt/device', '/dev/full']) {
    const result = runScript(`stat -c '%F %a %t:%T' ${path}`, (config, rootfs) => {
      mkdirSync(join(rootfs, 'opt'), { recursive: true })
      config.mounts = config.mounts?.filter(({ destination }) => !destination.startsWith('/dev'))
      make(join(rootfs, path))
      config.linux.devices = [{ type: 'c', path: '/opt/device', major: 1, minor: 3 }]
    })
    expect(result.stdout).toMatch(found)
    if (isTsrun) expect(result.stderr).toContain(`device \`${path}\``)
  }
})

test('a device of the image keeps mode and owner, also where a link leads to it', () => {
  const change: Change = (config, rootfs) => {
    config.mounts = config.mounts?.filter(({ destination }) => !destination.startsWith('/dev'))
    const make = (path: string, minor: string) => {
      must(['mknod', '-m', '640', join(rootfs, path), 'c', '1', minor])
      must(['chown', '5:6', join(rootfs, path)])
    }
    make('dev/zero', '5')
    make('dev/real', '7')
    make('listed', '3')
    symlinkSync('real', join(rootfs, 'dev/full'))
    config.linux.devices = [{ type: 'c', path: '/listed', major: 1, minor: 3, fileMode: 0o644, uid: 7, gid: 8 }]
  }
  const found = inside("stat -Lc '%a %u %g' /dev/zero /dev/full /listed; stat -c '%a %u %g' /dev/random", change)
  expect(found).toBe('640 5 6\n640 5 6\n640 5 6\n666 0 0')
})

test.each(['net.ipv4/ip_forward', 'net/ipv4.ip_forward', 'net..ipv4//ip_forward', 'net.ipv4.conf/all/forwarding'])(
  'a sysctl may be named %s',
  key => {
    const result = runScript('cat /proc/sys/net/ipv4/ip_forward', config => (config.linux.sysctl = { [key]: '1' }))
    expect(result.stdout).toBe('1\n')
  },
)

const hookText = '#!/bin/sh\n[ "$1" = word ] && echo from $(basename $PWD) > "$2"\n'

test('a relative path of a hook in the container counts from the working directory of the program', () => {
  const result = runScript('cat /tmp/said', (config, rootfs) => {
    mkdirSync(join(rootfs, 'work'))
    config.process.cwd = '/work'
    writeFileSync(join(rootfs, 'work/hook'), hookText, { mode: 0o755 })
    config.hooks = { startContainer: [{ path: './hook', args: ['hook', 'word', '/tmp/said'] }] }
  })
  expect(result.stdout).toBe('from work\n')
  if (isTsrun) expect(result.stderr).toContain('/hooks/startContainer/0/path: `./hook` is not absolute')
})

test.each(['prestart', 'createRuntime', 'poststart', 'poststop'] as const)(
  'a relative path of a %s hook counts from the bundle',
  kind => {
    const bundle = makeBundle(config => {
      config.process.args = ['true']
    })
    const said = join(bundle.directory, 'said')
    bundle.config.hooks = { [kind]: [{ path: './hook', args: ['hook', 'word', said] }] }
    bundle.save()
    writeFileSync(join(bundle.directory, 'hook'), hookText, { mode: 0o755 })
    expect(runBundle(bundle).status).toBe(0)
    expect(readFileSync(said, 'utf8')).toMatch(/^from /)
  },
)

test.runIf(isTsrun)(
  'but no program of the image is a createContainer hook (runc: with the rights of the runtime)',
  () => {
    const result = runScript('true', (config, rootfs) => {
      writeFileSync(join(rootfs, 'hook'), hookText, { mode: 0o755 })
      config.hooks = { createContainer: [{ path: './hook' }] }
    })
    expect(result.status).toBe(1)
    expect(result.stderr).toContain('/hooks/createContainer/0/path: must be an absolute path')
  },
)

test.runIf(isTsrun)('but not in the place of /dev/null, when something is to be masked with it', () => {
  const bundle = makeBundle((config, rootfs) => {
    config.mounts = config.mounts?.filter(({ destination }) => !destination.startsWith('/dev'))
    writeFileSync(join(rootfs, 'dev/null'), '')
    config.linux.maskedPaths = ['/proc/keys']
  })
  const result = runBundle(bundle)
  expect(result.status).toBe(1)
  expect(result.stderr).toMatch(/^tsrun: run .*\/dev\/null is not the null device/m)
})

test('what is behind the document is ignored: config.json, process file, resources', () => {
  const bundle = makeBundle(config => (config.process.args = ['sleep', '60']))
  const file = join(bundle.directory, 'config.json')
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n}, "process": {}}`)
  const id = fresh()
  later(() => oci(['delete', '--force', id]))
  const created = oci(['run', '--detach', '--bundle', bundle.directory, id])
  expect(created.status).toBe(0)
  if (isTsrun) expect(created.stderr).toMatch(/config\.json goes on behind its end, line \d+, column 1/)
  const written = (name: string, text: string) => {
    const path = join(bundle.directory, name)
    writeFileSync(path, text)
    return path
  }
  const process = { args: ['echo', 'fine'], cwd: '/', env: ['PATH=/bin'], user: { uid: 0, gid: 0 } }
  expect(oci(['exec', '--process', written('process.json', `${JSON.stringify(process)}]`), id]).stdout).toBe('fine\n')
  expect(oci(['update', '--resources', written('resources.json', '{} {"pids": 1}'), id]).status).toBe(0)
})

test('paths to mask and to make read-only may be relative', () => {
  const script = 'wc -c < /proc/keys; echo x 2>/dev/null > /proc/sys/kernel/domainname || echo read-only'
  const result = runScript(
    script,
    having(config => Object.assign(config.linux, { maskedPaths: ['proc/keys'], readonlyPaths: ['proc/sys'] })),
  )
  expect(result.stdout).toBe('0\nread-only\n')
})

test('an unknown capability is left out with a warning', () => {
  const sets = {
    bounding: ['CAP_KILL', 'CAP_FLY'],
    effective: ['CAP_KILL', 'CAP_FLY'],
    permitted: ['CAP_KILL', 'CAP_FLY'],
  }
  const result = runScript(
    'grep CapEff /proc/self/status',
    having(config => (config.process.capabilities = sets)),
  )
  expect(result.stdout).toMatch(/0000000000000020$/m)
  if (!isCrun) expect(result.stderr).toContain('CAP_FLY')
})

test.runIf(isTsrun)('with --log a warning is in the file, if nothing fails, and not on stderr', () => {
  const log = join(makeDirectory(), 'log')
  const bundle = makeBundle(having(config => (config.process.capabilities.bounding = ['CAP_FLY'])))
  const result = run(command('--log', log, '--log-format', 'json', 'run', '--bundle', bundle.directory, fresh()))
  expect(result.stderr).toBe('')
  expect(JSON.parse(readFileSync(log, 'utf8'))).toMatchObject({
    level: 'warning',
    msg: expect.stringContaining('CAP_FLY'),
  })
})

test('exec: an unknown capability is no error, and one that is inheritable becomes ambient', () => {
  const container = createRunning(config => {
    config.process.capabilities = { bounding: ['CAP_KILL'], inheritable: ['CAP_KILL'], permitted: ['CAP_KILL'] }
  })
  const result = exec(
    container,
    ['grep', 'CapAmb', '/proc/self/status'],
    ['--cap', 'CAP_FLY', '--cap', 'CAP_KILL', '--user', '1'],
  )
  expect(result.status).toBe(0)
  if (!isCrun) expect(result.stdout).toMatch(/0000000000000020$/m)
})

test('a capability that the runtime lacks fails at create, as not permitted', () => {
  const caps = ['CAP_KILL', 'CAP_SYS_BOOT']
  const bundle = makeBundle(having(config => (config.process.capabilities = { bounding: caps, permitted: caps })))
  const id = fresh()
  const lacking = ['setpriv', '--bounding-set=-sys_boot', '--inh-caps=-sys_boot']
  const result = run([...lacking, ...command('create', '--bundle', bundle.directory, id)])
  later(() => run(command('delete', '--force', id)))
  expect(result.status).not.toBe(0)
  expect(result.stderr).toMatch(/operation not permitted/i)
})

// --- user namespaces ---

test.skipIf(isRunc)('a new user namespace without mappings has the one that runs the runtime', () => {
  const config = having(config => config.linux.namespaces.push({ type: 'user' }))
  const [uid, gid] = inside('cat /proc/self/uid_map /proc/self/gid_map', config).trim().split('\n')
  expect(uid!.trim().split(/\s+/).slice(0, 2)).toEqual(['0', '0'])
  expect(gid!.trim().split(/\s+/).slice(0, 2)).toEqual(['0', '0'])
})

test.skipIf(isRunc)(
  'a device under a name of its own in a user namespace has the owner and the mode of the list',
  () => {
    const devices = [{ path: '/dev/mine', type: 'c', major: 1, minor: 3, fileMode: 0o600, uid: 0, gid: 6 }]
    const change = inUserNamespace(config => (config.linux.devices = devices))
    expect(inside('stat -c "%t:%T %u %g %a" /dev/mine; echo x > /dev/mine && echo open', change)).toBe(
      '1:3 0 6 600\nopen',
    )
  },
)

test('the mode of such a device holds', () => {
  const devices = [{ path: '/dev/zero', type: 'c', major: 1, minor: 5, fileMode: 0o600, uid: 5, gid: 6 }]
  const change = inUserNamespace(config => {
    config.linux.devices = devices
    config.process.user = { uid: 7, gid: 7 }
  })
  if (isTsrun) expect(inside('head -c 1 /dev/zero 2>/dev/null || echo denied', change)).toBe('denied')
})

/** A process in namespaces of its own, by the flags of unshare(1), which waits for a child deaf to all but SIGKILL. */
function holder(...flags: string[]): string {
  const words = `SCENE=${sceneDirectory} unshare ${flags.join(' ')} sleep 60`
  const pid = must(['sh', '-c', `${words} >/dev/null 2>&1 & echo $!; sleep 0.3`]).trim()
  later(() => run(['kill', '-KILL', pid]))
  return pid
}

test.skipIf(isRunc)('a user namespace and a network namespace by path that belong to different owners', () => {
  const [user, network] = [holder('-U', '--map-root-user'), holder('-n')]
  const change = having(config => {
    const others = config.linux.namespaces.filter(({ type }: { type: string }) => type !== 'network')
    for (const mount of config.mounts) mount.options = mount.options?.filter((word: string) => word !== 'gid=5')
    config.linux.namespaces = [
      ...others,
      { type: 'user', path: `/proc/${user}/ns/user` },
      { type: 'network', path: `/proc/${network}/ns/net` },
    ]
  })
  expect(inside('ls /sys/class > /dev/null && echo fine', change)).toBe('fine')
})

/** The first process of a pid namespace, in an ipc namespace, too, which our user namespace owns. */
function podOfTheHost(): string {
  return must(['pgrep', '-P', holder('-pi', '--fork', '--kill-child')]).trim()
}

test.skipIf(isRunc).each<[string, (user: string) => Loose]>([
  ['one that is joined', user => ({ type: 'user', path: `/proc/${user}/ns/user` })],
  ['a new one', () => ({ type: 'user' })],
])('/proc and /dev/mqueue with a user namespace that does not own what they show: %s', (_, namespace) => {
  const user = holder('-U')
  for (const map of ['uid_map', 'gid_map']) writeFileSync(`/proc/${user}/${map}`, '0 100000 65536')
  const pod = podOfTheHost()
  const change = inUserNamespace(config => {
    const others = config.linux.namespaces.filter(({ type }: Loose) => !['user', 'pid', 'ipc'].includes(type))
    const joined = ['pid', 'ipc'].map(type => ({ type, path: `/proc/${pod}/ns/${type}` }))
    config.linux.namespaces = [...others, namespace(user), ...joined]
    if (namespace(user).path) Object.assign(config.linux, { uidMappings: undefined, gidMappings: undefined })
    config.mounts[0].options = ['nosuid', 'noexec', 'nodev', 'ro']
  })
  const look = 'cat /proc/1/comm; ls -d /dev/mqueue; grep " /proc proc " /proc/self/mounts | cut -d" " -f4'
  expect(inside(look, change)).toMatch(/^sleep\n\/dev\/mqueue\nro,nosuid,nodev,noexec,/)
})

test.skipIf(isRunc)('a read-only root without a mount namespace is as it is', () => {
  const change = having(config => {
    Object.assign(config, { mounts: [], root: { ...config.root, readonly: true } })
    Object.assign(config.linux, { maskedPaths: [], readonlyPaths: [] })
    config.linux.namespaces = config.linux.namespaces.filter(
      ({ type }: { type: string }) => !['mount', 'cgroup'].includes(type),
    )
  })
  expect(inside('echo fine', change)).toBe('fine')
})

// --- binds ---

/** A tmpfs of the host with these options and a program in it. */
function volume(options: string): string {
  const directory = makeDirectory()
  must(['mount', '-t', 'tmpfs', '-o', options, 'none', directory])
  later(() => must(['umount', directory]))
  must(['cp', '/bin/busybox', join(directory, 'echo')])
  chmodSync(join(directory, 'echo'), 0o755)
  return directory
}

const bound =
  (source: string, ...options: string[]): Change =>
  config => {
    config.mounts.push({ destination: '/v', type: 'bind', source, options: ['rbind', 'rprivate', ...options] })
  }

const flagsOf = (options: string[], source: string) =>
  inside('grep " /v " /proc/self/mounts', bound(source, ...options))
    .split(' ')[3]!
    .split(',')

test.each(['rw', 'suid', 'exec', 'nosuid'])('a bind with the option %s: a program in a noexec volume runs', word => {
  const source = volume('nosuid,nodev,noexec')
  expect(inside('/v/echo ran', bound(source, word))).toBe('ran')
  const flags = flagsOf([word], source)
  expect(flags).not.toContain('noexec')
  expect(flags.includes('nosuid')).toBe(word === 'nosuid')
})

test.skipIf(isCrun)('a bind without a word about the mount keeps what the source has', () => {
  expect(flagsOf([], volume('nosuid,nodev,noexec'))).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec']))
})

test.skipIf(isRunc)('a bind with `ro` keeps it, too', () => {
  expect(flagsOf(['ro'], volume('nosuid,nodev,noexec'))).toEqual(expect.arrayContaining(['ro', 'nosuid', 'noexec']))
})

test.skipIf(isCrun)('a user namespace takes nothing away that it was not asked for', () => {
  const source = volume('nosuid,nodev,noexec,mode=755')
  const change = inUserNamespace(config => bound(source, 'nosuid')(config as Config, ''))
  const flags = inside('grep " /v " /proc/self/mounts', change).split(' ')[3]!.split(',')
  expect(flags).toEqual(expect.arrayContaining(['nosuid', 'nodev', 'noexec']))
})

test('an unknown option of a cgroup mount is an error', () => {
  const options = ['nosuid', 'ro', 'foo=bar']
  const cgroup = { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options }
  const change = having(config => config.mounts.push(cgroup))
  expectOneSentence(tryCreate(makeBundle(change)).created, isCrun ? /./ : /foo=bar/)
})

// --- the device filter ---

test('the device filter leaves /dev/net/tun to who has a node', () => {
  const change = having(config => {
    config.linux.devices = [{ path: '/tmp/tun', type: 'c', major: 10, minor: 200 }]
    config.linux.resources = { ...config.linux.resources, devices: [{ allow: false, access: 'rwm' }] }
  })
  const result = runScript('cat /tmp/tun', change)
  expect(result.stderr).not.toMatch(/not permitted/i)
})

// --- hooks ---

const writing = (file: string, ...more: object[]) => [
  { path: '/bin/sh', args: ['sh', '-c', `env > ${file}`], ...more[0] },
]

test.each(['createRuntime', 'createContainer', 'poststart', 'poststop'])(
  'a %s hook without env has that of the runtime',
  moment => {
    const file = join(makeDirectory(), 'env')
    const bundle = makeBundle(having(config => (config.hooks = { [moment]: writing(file) })))
    const env = { ...process.env, OF_THE_RUNTIME: 'yes' }
    expect(runBundle(bundle, { env }).stderr).toBe('')
    if (isRunc && moment === 'createContainer') return // its init has forgotten it
    expect(readFileSync(file, 'utf8')).toContain('OF_THE_RUNTIME=yes')
  },
)

test('poststop hooks that can only fail keep no container from running, nor the others from theirs', () => {
  const file = join(makeDirectory(), 'env')
  const vain = [null, { path: '' }, { path: '/bin/true', timeout: -1 }]
  const bundle = makeBundle(
    having(config => {
      config.process.args = ['echo', 'ran']
      config.hooks = { poststop: isRunc ? vain : [...vain, ...writing(file, { timeout: isTsrun ? 0 : 5 })] }
    }),
  )
  const { status, stdout, stderr } = runBundle(bundle)
  expect({ status, stdout }).toEqual({ status: 0, stdout: 'ran\n' })
  if (isTsrun) expect(stderr.match(/^tsrun: warning: \/hooks\/poststop\/\d.*$/gm)).toHaveLength(4)
  if (isTsrun) expect(readFileSync(file, 'utf8')).toContain('PATH=')
})

test('null among the arguments and variables of a hook is none', () => {
  const file = join(makeDirectory(), 'env')
  const [hook] = writing(file, { env: ['ONE=two', null] })
  hook!.args.push(null as unknown as string)
  const bundle = makeBundle(having(config => (config.hooks = { createRuntime: [hook] })))
  expect(runBundle(bundle).status).toBe(0)
  expect(readFileSync(file, 'utf8')).toContain('ONE=two\n')
})

test('a hook with an empty env has none', () => {
  const file = join(makeDirectory(), 'env')
  const bundle = makeBundle(having(config => (config.hooks = { createRuntime: writing(file, { env: [] }) })))
  runBundle(bundle, { env: { ...process.env, OF_THE_RUNTIME: 'yes' } })
  expect(readFileSync(file, 'utf8')).not.toContain('OF_THE_RUNTIME')
})

test('a startContainer hook without env has that of the program', () => {
  const change = having(config => {
    config.process.env = ['PATH=/bin', 'ONE=two']
    config.hooks = { startContainer: writing('/tmp/env') }
  })
  expect(inside('cat /tmp/env', change)).toContain('ONE=two\n')
})

test.skipIf(isCrun)('what a startContainer hook wrote is in the error, of run and of start', () => {
  const hooks = {
    startContainer: [
      { path: '/bin/sh', args: ['sh', '-c', 'echo of the first'] },
      { path: '/bin/sh', args: ['sh', '-c', 'echo why >&2; exit 3'] },
    ],
  }
  const bundle = makeBundle(having(config => (config.hooks = hooks)))
  const ran = runBundle(bundle)
  expect(ran.stderr).toMatch(/exit (code|status) 3.*why/s)
  if (isTsrun) expect(ran.stderr).not.toContain('of the first')
  const container = tryCreate(bundle)
  const started = oci(['start', container.id])
  expect(started.status).not.toBe(0)
  if (isTsrun) expect(started.stderr).toMatch(/error running \w+ hook #1: .*exit code 3; it said: why/)
})

// --- words, see docs/words.md ---

test('exec in a directory that is missing: words of 127', () => {
  const result = exec(createRunning(), ['true'], ['--cwd', '/missing/path'])
  expect(result.status).not.toBe(0)
  expect(result.stderr).toMatch(/no such file or directory/i)
})

test('exec in what is no directory', () => {
  const result = exec(createRunning(), ['true'], ['--cwd', '/bin/sh'])
  expect(result.stderr).toMatch(/not a directory/i)
})

test('a directory over a file is what is not a directory', () => {
  const file = { destination: '/bin/sh', type: 'bind', source: '/etc', options: ['bind'] }
  const directory = { destination: '/tmp', type: 'bind', source: '/etc/hostname', options: ['bind'] }
  for (const mount of [file, directory]) {
    const { created } = tryCreate(makeBundle(config => void config.mounts.push(mount)))
    expect(created.stderr).toMatch(/not a directory/i)
  }
})

test.each([['state'], ['start'], ['kill'], ['delete'], ['exec']])('%s of a container that is not there', verb => {
  const more = verb === 'exec' ? ['true'] : []
  expect(oci([verb, fresh(), ...more]).stderr).toMatch(/does not exist/)
})

test('an empty program name: words of 127, of run and of exec', () => {
  const words = /(not found in \$PATH|no such file or directory)"?$/im // nothing may follow
  const bundle = makeBundle(having(config => (config.process.args = [''])))
  expect(runBundle(bundle).stderr).toMatch(words)
  const file = join(makeDirectory(), 'process.json')
  writeFileSync(file, JSON.stringify({ args: [''], cwd: '/' }))
  const result = oci(['exec', '--process', file, createRunning().id])
  expect(result.stderr).toMatch(words)
  expect(existsSync(file)).toBe(true)
})

test('a process file with null for what is optional', () => {
  const file = join(makeDirectory(), 'process.json')
  const nothing = { user: null, env: null, capabilities: null, rlimits: null, apparmorProfile: '', selinuxLabel: null }
  writeFileSync(
    file,
    JSON.stringify({ args: ['echo', 'fine'], cwd: '/', ...nothing, terminal: null, env: ['PATH=/bin'] }),
  )
  const result = oci(['exec', '--process', file, createRunning().id])
  expect([result.stdout, result.stderr]).toEqual(['fine\n', ''])
})

test.skipIf(isRunc)(
  'a user namespace that maps no root: what has to be made belongs to the first id that it maps',
  () => {
    const only = [{ containerID: 1000, hostID: 101000, size: 1 }]
    const change = inUserNamespace(config => {
      Object.assign(config.linux, { uidMappings: only, gidMappings: only })
      config.process.user = { uid: 1000, gid: 1000 }
      config.mounts.push({ destination: '/made/here', type: 'tmpfs', source: 'tmpfs' })
    })
    const mine = (config: Config, rootfs: string) => {
      change(config, rootfs)
      must(['chown', '-R', '101000:101000', rootfs])
    }
    expect(inside('id -u; id -g; stat -c %u:%g /made /dev/pts/..', mine)).toBe('1000\n1000\n1000:1000\n1000:1000')
  },
)

test('null among the groups of the user is 0, of run and of exec', () => {
  const groups = { uid: 5, gid: 6, additionalGids: [null, 7] }
  const { stdout, stderr } = runScript(
    'id -G',
    having(config => (config.process.user = groups)),
  )
  expect(stdout).toBe('6 0 7\n')
  if (isTsrun) expect(stderr).toBe('tsrun: warning: /process/user/additionalGids/0: is null and read as 0\n')
  const file = join(makeDirectory(), 'process.json')
  writeFileSync(file, JSON.stringify({ args: ['id', '-G'], cwd: '/', user: groups, env: ['PATH=/bin'] }))
  expect(oci(['exec', '--process', file, createRunning().id]).stdout).toBe('6 0 7\n')
})

test.runIf(isTsrun)('a poststop hook that fails is told with its place in the file', () => {
  const hooks = { poststop: [null, { path: '/bin/false' }] }
  const { status, stderr } = runScript(
    'true',
    having(config => (config.hooks = hooks)),
  )
  expect(status).toBe(0)
  expect(stderr).toMatch(/poststop hook failed with exit code 1 \(hook 1, `\/bin\/false`\)/)
})

test('null for resources of update', () => {
  const file = join(makeDirectory(), 'resources.json')
  writeFileSync(
    file,
    JSON.stringify({ memory: null, cpu: { shares: null, cpus: '' }, pids: { limit: null }, unified: null }),
  )
  expect(oci(['update', '--resources', file, createRunning().id]).stderr).toBe('')
})
