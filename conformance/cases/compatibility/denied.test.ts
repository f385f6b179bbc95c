// System calls that somebody's filter around the runtime denies, as in a container: it works, or one sentence names the call.

import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { EINVAL, ENOSYS, EPERM } from '../../../native/abi/errno.ts'
import { architecture } from '../../../native/arch/architecture.ts'
import { callNumbers } from '../../../native/arch/numbers.ts'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Hook } from '../../lib/config.ts'
import { type Change, command, createRunning, removeLater } from '../../lib/container.ts'
import { denying, MOUNTS, type Name, numbers, withDeny } from '../../lib/deny.ts'
import { have } from '../../lib/machine.ts'
import { overwriter } from '../../lib/overwriter.ts'
import { eventually, must, run } from '../../lib/run.ts'
import { isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, later } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** Another call does the same. */
const REPLACED = [
  'clone3',
  'close_range',
  'openat2',
  'pidfd_open',
  'pidfd_send_signal',
  'memfd_create',
  'statx',
] as const
/** All calls that Linux has got since 5.1, by number. */
const NEWER = Array.from({ length: 50 }, (_, index) => 424 + index)

/** What a filter around the runtime denies together. */
const TOGETHER: readonly (readonly [string, readonly (Name | number)[]])[] = [
  ['all that other calls do', REPLACED],
  ['all that make mounts', MOUNTS],
  ['the profile of Docker 20.10', ['clone3', 'mount_setattr', 'close_range', 439, 441, 443, 447, 448, 449, 452]],
  ['a profile from before Linux 5.1', NEWER],
  ['a profile from before Linux 4.11', [...NEWER, 'statx']],
]

const skip = !isTsrun || !have('cc')

withDeny()

const sh = (script: string): Hook => ({ path: '/bin/sh', args: ['sh', '-c', script] })

/** Node.js itself starts no thread where clone3 says EPERM: its C library takes another call after ENOSYS only. */
const startsAt = (names: readonly (Name | number)[], errno: number) =>
  process.env['TSRUN_HOST'] !== 'node' || errno !== EPERM || !numbers(names).includes(callNumbers[architecture!].clone3)

const answered = <Of extends Name>(names: readonly Of[]) =>
  names
    .flatMap(name => [[name, 'EPERM', EPERM] as const, [name, 'ENOSYS', ENOSYS] as const])
    .filter(([name, , errno]) => startsAt([name], errno))

/** A container with all of its life under a filter: what it said, step by step. */
function live(
  filter: readonly string[],
  change: Change = () => {},
): readonly (readonly [string, number | null, string])[] {
  const id = removeLater(fresh())
  const { directory } = makeBundle((config, rootfs) => {
    config.process.args = ['sleep', '100']
    change(config, rootfs)
  })
  const steps = [
    ['create', '--bundle', directory, id],
    ['start', id],
    ['exec', id, 'sh', '-c', 'cat /proc/self/cgroup; exit 3'],
    ['exec', '--detach', id, 'sleep', '100'],
    ['kill', id, 'TERM'],
    ['delete', '--force', id],
  ]
  return steps.map(words => {
    const { status, stdout, stderr } = run([...filter, ...command(...words)])
    return [words[0]!, status, `${stdout}${stderr}`.replaceAll(id, 'ID')] as const
  })
}

/** All of the life of two containers, one of which has what depends on how it is born. */
function isDoneWithout(filter: readonly string[]): void {
  expect(live(filter)).toEqual(live([]))
  const { directory } = makeBundle(config => {
    config.process.args = ['sh', '-c', 'readlink /proc/self/ns/time; exit 7']
    config.linux.namespaces.push({ type: 'time' }, { type: 'cgroup' })
    config.hooks = Object.fromEntries(
      ['createRuntime', 'createContainer', 'startContainer', 'poststop'].map(kind => [kind, [sh('exit 0')]]),
    )
  })
  const words = command('run', '--bundle', directory, removeLater(fresh()))
  const { status, stdout: time, stderr } = run([...filter, ...words])
  expect({ status, stderr }).toEqual({ status: 7, stderr: '' })
  expect(time).not.toBe(`${readlinkSync('/proc/self/ns/time')}\n`)
}

/** What `doctor` says of a call that is done without. */
const foundByDoctor = (name: Name) =>
  new RegExp(`ok +kernel: ${name} is (missing|denied): .* will do instead, which is slower\n`)

test.skipIf(skip).each(answered([...REPLACED, ...MOUNTS]))(
  '%s that says %s is done without, by every command (tsrun only)',
  (name, _, errno) => {
    const filter = denying(name, errno)
    isDoneWithout(filter)
    expect(run([...filter, runtime.path, 'doctor']).stdout).toMatch(foundByDoctor(name))
  },
)

test
  .skipIf(skip)
  .each(
    TOGETHER.flatMap(([what, names]) => [
      [what, 'EPERM', EPERM, names] as const,
      [what, 'ENOSYS', ENOSYS, names] as const,
    ]).filter(([, , errno, names]) => startsAt(names, errno)),
  )('%s, denied together by %s, are done without (tsrun only)', (_what, _code, errno, names) => {
  const filter = denying(names, errno)
  isDoneWithout(filter)
  const { stdout } = run([...filter, runtime.path, 'doctor'])
  for (const name of [...REPLACED, ...MOUNTS])
    if (numbers(names).includes(callNumbers[architecture!][name])) expect(stdout).toMatch(foundByDoctor(name))
})

test.skipIf(skip)('close_range without its flag, as before Linux 5.11, is done without (tsrun only)', () => {
  isDoneWithout(denying('close_range', EINVAL))
})

test.skipIf(skip)('where nothing closes descriptors one sentence says so (tsrun only)', () => {
  const words = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /proc; exec "$@"', 'sh']
  const { status, stderr } = run([...words, ...denying('close_range', EPERM), runtime.path, 'list'])
  expect(status).toBe(1)
  expect(stderr).toMatch(/^tsrun: close_range: EPERM .*\n$/m)
})

/** A program that says which signals it gets, until it gets SIGTERM. */
const TELLS = `trap 'echo HUP' HUP; trap 'echo RT' 37; trap 'echo TERM; exit' TERM; echo ready; while :; do sleep 0.02; done`

test.skipIf(skip).each<[string, Change]>([
  ['of the host', () => {}],
  ['of another user', config => (config.process.user = { uid: 1234, gid: 1234 })],
])('without pidfd_send_signal signals reach a program %s all the same (tsrun only)', (_, change) => {
  const container = createRunning(change, TELLS)
  const kill = (signal: string) =>
    run([...denying('pidfd_send_signal', EPERM), ...command('kill', container.id, signal)])
  const told = (line: string) => eventually(line, () => container.output().split('\n').includes(line))
  told('ready')
  for (const [signal, line] of [
    ['HUP', 'HUP'],
    ['RTMIN+3', 'RT'],
    ['0', 'ready'],
    ['TERM', 'TERM'],
  ] as const) {
    expect(kill(signal)).toMatchObject({ status: 0, stderr: '' })
    told(line)
  }
  eventually('its end', () => container.state().status === 'stopped')
  expect(kill('HUP').stderr).toContain('container not running')
})

test.skipIf(skip)('a signal that would not arrive without pidfd_send_signal is refused (tsrun only)', () => {
  const container = createRunning(config => (config.process.user = { uid: 1234, gid: 1234 }))
  // CAP_KILL counts for kill(2) and pidfd_send_signal(2) alone.
  const words = [
    'unshare',
    '--user',
    '--map-root-user',
    ...denying('pidfd_send_signal', EPERM),
    ...command('kill', container.id, 'TERM'),
  ]
  const { status, stderr } = run(words)
  expect(status).toBe(1)
  expect(stderr).toMatch(
    /pidfd_send_signal process \d+: EPERM \(the seccomp filter that tsrun itself runs under denies it/,
  )
})

/** Every kind of mount there is. */
const everyMount: Change = (config, rootfs) => {
  const [volume, layer, file] = [makeDirectory(), makeDirectory(), join(makeDirectory(), 'file')]
  writeFileSync(file, 'file\n')
  mkdirSync(join(volume, 'inner'))
  must(['mount', '-t', 'tmpfs', '-o', 'nosuid', 'inner', join(volume, 'inner')])
  later(() => run(['umount', join(volume, 'inner')]))
  // What is missing is made by the first container, and a tmpfs of the next has its mode.
  for (const name of ['apart', 'copied']) mkdirSync(join(rootfs, name))
  writeFileSync(join(rootfs, 'copied/one'), '1')
  symlinkSync('/behind/links', join(rootfs, 'link'))
  config.mounts.push(
    { destination: '/volume', type: 'bind', source: volume, options: ['rbind', 'rro', 'nodev'] },
    { destination: '/plain', type: 'bind', source: layer, options: ['bind', 'rw', 'noatime'] },
    { destination: '/etc/file', type: 'bind', source: file, options: ['bind', 'ro'] },
    {
      destination: '/link',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['size=64k', 'noexec', 'strictatime', 'mode=1777'],
    },
    { destination: '/copied', type: 'tmpfs', source: 'tmpfs', options: ['tmpcopyup', 'ro'] },
    { destination: '/apart', type: 'tmpfs', source: 'tmpfs', options: ['unbindable', 'size=64k'] },
    { destination: '/inside', type: 'bind', source: join(rootfs, 'copied'), options: ['bind'] },
    { destination: '/plain', type: 'none', source: 'none', options: ['remount', 'bind', 'nosuid'] },
    {
      destination: '/long',
      type: 'overlay',
      source: 'o',
      options: [`lowerdir=${volume}:${layer}${'/.'.repeat(150)}`],
    },
  )
  config.root.readonly = true
  config.linux.maskedPaths = ['/proc/keys', '/proc/acpi', '/sys/firmware', '/etc/file']
  config.linux.readonlyPaths = ['/proc/sys', '/proc/bus', '/link']
  config.linux.sysctl = { 'net.ipv4.ip_forward': '1' }
}

const inUserNamespace: Change = (config, rootfs) => {
  everyMount(config, rootfs)
  // In a user namespace the access times are locked, and an overlay takes what the owner of the layers may.
  config.mounts = config.mounts.filter(({ destination }) => destination !== '/long')
  for (const mount of config.mounts) mount.options = (mount.options ?? []).filter(word => word !== 'noatime')
  config.linux.namespaces.push({ type: 'user' })
  config.linux.uidMappings = [{ containerID: 0, hostID: 100000, size: 65536 }]
  config.linux.gidMappings = config.linux.uidMappings
  must(['chown', '-R', '100000:100000', rootfs])
}

const LOOK = `
cut -d' ' -f5- /proc/self/mountinfo | sed 's/ \\(master\\|shared\\):[0-9]*//g; s/lowerdir=[^ ]*//; s/[a-z0-9-]*-images-[^ ]*//' | sort
cat /proc/sys/net/ipv4/ip_forward /etc/file; ls /copied /inside /dev /..; stat -c '%n %a %u %F' /link /copied /dev/null /..
touch /x /volume/inner/x /copied/x; ls /proc/self/fd | wc -l`
const REFUSED = ['/x', '/volume/inner/x', '/copied/x'].map(path => `touch: ${path}: Read-only file system\n`).join('')

test.skipIf(skip).each<[string, Change]>([
  ['with every kind of mount', everyMount],
  [
    'with a root that is shared',
    (config, rootfs) => {
      everyMount(config, rootfs)
      config.linux.rootfsPropagation = 'shared'
    },
  ],
])(
  'a container %s is the same when mounts are made by mount(2), and the host keeps its own (tsrun only)',
  (_, change) => {
    const { directory } = makeBundle((config, rootfs) => {
      change(config, rootfs)
      config.process.args = ['sh', '-c', LOOK]
    })
    const mounts = () => readFileSync('/proc/self/mountinfo', 'utf8')
    const before = mounts()
    const seen = (filter: readonly string[]) =>
      run([...filter, ...command('run', '--bundle', directory, removeLater(fresh()))])
    const denied = seen(denying(MOUNTS, EPERM))
    expect(denied.stderr).toBe(REFUSED)
    expect(denied).toEqual(seen([]))
    expect(mounts()).toBe(before)
  },
)

test.skipIf(skip)('in a user namespace mounts are made by mount(2), too (tsrun only)', () => {
  const { directory } = makeBundle((config, rootfs) => {
    inUserNamespace(config, rootfs)
    config.process.args = ['sh', '-c', LOOK]
  })
  const words = command('run', '--bundle', directory, removeLater(fresh()))
  const { stdout, stderr } = run([...denying(MOUNTS, EPERM), ...words])
  expect(stderr).toBe(REFUSED)
  for (const line of [
    /^\/volume\/inner ro,/m,
    /^\/proc\/keys ro,/m,
    /^\/sys\/firmware ro,/m,
    /^\/proc\/sys ro,/m,
    /^\/ ro,/m,
  ])
    expect(stdout).toMatch(line)
})

test.skipIf(skip)('a terminal is there when mounts are made by mount(2), in create and in exec (tsrun only)', () => {
  const { directory } = makeBundle(config => {
    config.process.args = ['sh', '-c', 'grep -c " /dev/console " /proc/self/mounts; test -t 1 && tty']
    config.process.terminal = true
  })
  const words = command('run', '--bundle', directory, removeLater(fresh()))
  const quoted = [...denying(MOUNTS, EPERM), ...words].join(' ')
  const { stdout } = run(['script', '-qec', quoted, '/dev/null'])
  expect(stdout.replaceAll('\r', '')).toMatch(/1\n\/dev\/pts\/0\n$/)
})

test.skipIf(skip).each(['createContainer', 'startContainer'])(
  '%s hooks are waited for, and not for longer than their time, without clone3 (tsrun only)',
  kind => {
    const runs = (script: string, timeout: number) => {
      const { directory } = makeBundle(config => {
        config.process.args = ['true']
        config.hooks = { [kind]: [{ ...sh(script), timeout }] }
      })
      return run([...denying('clone3', ENOSYS), ...command('run', '--bundle', directory, removeLater(fresh()))])
    }
    expect(runs('sleep 0.2', 10)).toMatchObject({ status: 0, stderr: '' })
    expect(runs('echo why >&2; exit 5', 10).stderr).toMatch(/exit code 5.*why/)
    expect(runs('sleep 100', 1).stderr).toContain('killed after its timeout of 1 s')
  },
)

test.skipIf(skip).each<[string, Name, number, Change, string[]]>([
  [
    'an id-mapped mount',
    'mount_setattr',
    EPERM,
    config => {
      const ids = [{ containerID: 0, hostID: 0, size: 65536 }]
      config.mounts.push({
        destination: '/m',
        type: 'bind',
        source: makeDirectory(),
        options: ['bind'],
        uidMappings: ids,
        gidMappings: ids,
      })
    },
    [],
  ],
  ['--no-pivot', 'open_tree', ENOSYS, () => {}, ['--no-pivot']],
])('%s without %s is named, with what denies it (tsrun only)', (_, name, errno, change, options) => {
  const { directory } = makeBundle((config, rootfs) => {
    config.process.args = ['true']
    change(config, rootfs)
  })
  const words = command('run', ...options, '--bundle', directory, removeLater(fresh()))
  const { status, stderr } = run([...denying(name, errno), ...words])
  expect(status).toBe(1)
  expect(stderr).toMatch(
    new RegExp(
      `^tsrun: run .*${name}.*: (EPERM|ENOSYS) \\(the seccomp filter that tsrun itself runs under denies it, [^\\n]*\\)\\n$`,
    ),
  )
})

test.skipIf(skip || !startsAt(['clone3'], EPERM))('doctor names what has no other call (tsrun only)', () => {
  const { stdout } = run([...denying(['pidfd_open', 'setsockopt', 'clone3'], EPERM), runtime.path, 'doctor'])
  expect(stdout).toMatch(/problem +kernel: system calls are denied: pidfd_open\n/)
  expect(stdout).toMatch(foundByDoctor('clone3'))
})

test.skipIf(!have('cc'))(
  'where umask is denied the program has the umask of the caller, if no other is asked for',
  () => {
    const live = (umask?: number) => {
      const { directory } = makeBundle(config => {
        config.process.args = ['sh', '-c', 'touch /file; stat -c %a /file']
        if (umask !== undefined) config.process.user.umask = umask
      })
      const words = command('run', '--bundle', directory, removeLater(fresh()))
      return run(['sh', '-c', 'umask 027; exec "$@"', 'sh', ...denying('umask', EPERM), ...words])
    }
    expect(live()).toMatchObject({ status: 0, stdout: '640\n', stderr: '' })
    if (!isTsrun) return // others leave it as it is, too
    expect(live(0o077)).toMatchObject({ status: 1, stdout: '' })
    expect(live(0o077).stderr).toMatch(/^tsrun: run .*: umask: EPERM/)
  },
)

test.skipIf(skip)('without openat2 links of the image lead nowhere but in the root (tsrun only)', () => {
  const outside = makeDirectory()
  const { directory, rootfs } = makeBundle((config, rootfs) => {
    symlinkSync(outside, join(rootfs, 'absolute'))
    symlinkSync(`${'../'.repeat(20)}${outside}`, join(rootfs, 'climbing'))
    for (const link of ['absolute', 'climbing'])
      config.mounts.push({ destination: `/${link}/${link}`, type: 'tmpfs', source: 'tmpfs' })
    config.process.args = ['true']
  })
  const words = command('run', '--bundle', directory, removeLater(fresh()))
  expect(run([...denying('openat2', ENOSYS), ...words])).toMatchObject({ status: 0, stderr: '' })
  expect(readdirSync(outside)).toEqual([])
  expect(readdirSync(join(rootfs, outside)).sort()).toEqual(['absolute', 'climbing'])
})

test.skipIf(skip).each<[string, Name[]]>([
  ['all calls', []],
  ['openat2 denied', ['openat2']],
  ['what makes mounts denied', [...MOUNTS]],
])('with %s dest-nofollow lays a file over a link, and not over what it names (tsrun only)', (_, names) => {
  const file = join(makeDirectory(), 'file')
  writeFileSync(file, 'mine\n')
  const { directory } = makeBundle((config, rootfs) => {
    writeFileSync(join(rootfs, 'target'), 'target\n')
    symlinkSync('/target', join(rootfs, 'link'))
    config.mounts.push({ destination: '/link', type: 'bind', source: file, options: ['bind', 'dest-nofollow'] })
    config.process.args = ['sh', '-c', 'cat /link /target; stat -c %F /link']
  })
  const words = command('run', '--bundle', directory, removeLater(fresh()))
  const filter = names.length === 0 ? [] : denying(names, ENOSYS)
  expect(run([...filter, ...words])).toMatchObject({ status: 0, stdout: 'mine\ntarget\nregular file\n' })
})

test.skipIf(skip)(
  'without memfd_create the executable of who joins a container can not be written (tsrun only)',
  () => {
    const container = createRunning(config => {
      for (const set of Object.values(config.process.capabilities!)) set.push('CAP_SYS_PTRACE', 'CAP_DAC_OVERRIDE')
    }, overwriter('mark'))
    const words = [...denying('memfd_create', EPERM), ...command('exec', container.id, 'true')]
    for (let round = 0; round < 60 && !container.output().includes('held'); round += 1) run(words)
    for (let round = 0; round < 10; round += 1) run(words)
    expect(container.output()).toContain('held')
    expect(container.output()).not.toContain('written')
  },
)
