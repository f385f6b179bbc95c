// What config.process says, seen from inside.

import { chmodSync, copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeBundle } from '../../lib/bundle.ts'
import { inside, runArgs, runBundle } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { field } from '../../lib/machine.ts'
import { makeRootfs } from '../../lib/rootfs.ts'
import { isRunc, isTsrun } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

/** Bits of <linux/capability.h>. */
const BIT: Record<string, number> = { CAP_CHOWN: 0, CAP_KILL: 5, CAP_NET_BIND_SERVICE: 10, CAP_SYS_ADMIN: 21 }

function mask(...names: string[]): string {
  const bits = names.reduce((sum, name) => sum | (1n << BigInt(BIT[name]!)), 0n)
  return bits.toString(16).padStart(16, '0')
}

test('cwd is where the program starts', () => {
  expect(
    inside('pwd', config => {
      config.process.cwd = '/usr'
    }),
  ).toBe('/usr')
})

test('a missing cwd is made', () => {
  expect(
    inside('pwd; stat -c %a .', config => {
      config.process.cwd = '/var/new/place'
    }),
  ).toBe('/var/new/place\n755')
})

test('a cwd that only the user may enter is entered as that user', () => {
  const result = inside('pwd', (config, rootfs) => {
    mkdirSync(join(rootfs, 'home/alice'), { mode: 0o700 })
    config.process.cwd = '/home/alice'
  })
  expect(result).toBe('/home/alice')
})

test('a cwd that is a file is an error that names it', () => {
  const bundle = makeBundle(config => {
    config.process.cwd = '/etc/passwd'
  })
  expectOneSentence(runBundle(bundle), /\/etc\/passwd/)
})

test('a relative cwd is an error', () => {
  const bundle = makeBundle(config => {
    config.process.cwd = 'usr'
  })
  expectOneSentence(runBundle(bundle), /cwd/, 'crun')
})

test('uid, gid and additional groups are set', () => {
  const status = inside('cat /proc/self/status', config => {
    config.process.user = { uid: 1000, gid: 1001, additionalGids: [5, 2000] }
  })
  expect(field(status, 'Uid').split(/\s+/)).toEqual(['1000', '1000', '1000', '1000'])
  expect(field(status, 'Gid').split(/\s+/)).toEqual(['1001', '1001', '1001', '1001'])
  expect(field(status, 'Groups').trim().split(' ')).toEqual(['5', '2000'])
})

test("without additional groups there are none of the caller's", () => {
  const status = inside('cat /proc/self/status', config => {
    config.process.user = { uid: 1000, gid: 1000 }
  })
  expect(field(status, 'Groups').trim()).toBe('')
})

test.each([
  [0o22, undefined],
  [0o77, 0o77],
  [0, 0],
])('the umask is %o when the configuration says %s', (wanted, umask) => {
  const text = inside('umask', config => {
    if (umask !== undefined) config.process.user.umask = umask
  })
  expect(Number.parseInt(text, 8)).toBe(wanted)
})

test('resource limits are set, soft and hard', () => {
  const limits = inside('cat /proc/self/limits', config => {
    config.process.rlimits = [
      { type: 'RLIMIT_NOFILE', soft: 512, hard: 1024 },
      { type: 'RLIMIT_FSIZE', soft: 1_000_000, hard: 2_000_000 },
      { type: 'RLIMIT_NPROC', soft: 100, hard: 200 },
    ]
  })
  expect(limits).toMatch(/^Max open files +512 +1024 /m)
  expect(limits).toMatch(/^Max file size +1000000 +2000000 /m)
  expect(limits).toMatch(/^Max processes +100 +200 /m)
})

test('all 16 of them', () => {
  const names = 'AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK'
  // Nothing that a limit of root's may be below, and each its own number.
  const zero = ['NICE', 'RTPRIO']
  const limits = names.split(' ').map((name, i) => ({ name, value: zero.includes(name) ? 0 : 800 + i }))
  const large = ['AS', 'DATA', 'FSIZE', 'RSS', 'STACK']
  const text = inside('cat /proc/self/limits', config => {
    config.process.rlimits = limits.map(({ name, value }) => {
      const limit = large.includes(name) ? value * 1_000_000 : value
      return { type: `RLIMIT_${name}`, soft: limit, hard: limit }
    })
  })
  const shown = text.split('\n').slice(1)
  expect(shown.length).toBe(16)
  const wanted = limits.map(({ name, value }) => (large.includes(name) ? value * 1_000_000 : value))
  const soft = shown.map(line => Number(/\s(\d+)\s+\d+\s/.exec(line)?.[1]))
  expect(soft.toSorted((a, b) => a - b)).toEqual(wanted.toSorted((a, b) => a - b))
})

test('18446744073709551615 is no limit at all', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['cat', '/proc/self/limits']
    config.process.rlimits = [{ type: 'RLIMIT_CORE', soft: 4242, hard: 4343 }]
  })
  const text = JSON.stringify(bundle.config)
    .replace('4242', '18446744073709551615')
    .replace('4343', '18446744073709551615')
  writeFileSync(join(bundle.directory, 'config.json'), text)
  expect(runBundle(bundle).stdout).toMatch(/^Max core file size +unlimited +unlimited /m)
})

test('a limit just below infinity keeps its value', () => {
  const bundle = makeBundle(config => {
    config.process.args = ['cat', '/proc/self/limits']
    config.process.rlimits = [{ type: 'RLIMIT_CORE', soft: 4242, hard: 4343 }]
  })
  const text = JSON.stringify(bundle.config).replace('4242', '9007199254740993').replace('4343', '18446744073709551614')
  writeFileSync(join(bundle.directory, 'config.json'), text)
  expect(runBundle(bundle).stdout).toMatch(/^Max core file size +9007199254740993 +18446744073709551614 /m)
})

test('an unknown limit is an error that names it', () => {
  const bundle = makeBundle(config => {
    config.process.rlimits = [{ type: 'RLIMIT_SPEED', soft: 1, hard: 1 }]
  })
  expectOneSentence(runBundle(bundle), /RLIMIT_SPEED/)
})

test('a soft limit above the hard one is an error', () => {
  const bundle = makeBundle(config => {
    config.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 100, hard: 10 }]
  })
  expectOneSentence(runBundle(bundle), /RLIMIT_NOFILE/)
})

test('the five sets of capabilities are what the configuration says', () => {
  const status = inside('cat /proc/self/status', config => {
    config.process.capabilities = {
      bounding: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_BIND_SERVICE', 'CAP_SYS_ADMIN'],
      permitted: ['CAP_CHOWN', 'CAP_KILL', 'CAP_NET_BIND_SERVICE'],
      effective: ['CAP_CHOWN', 'CAP_KILL'],
      inheritable: ['CAP_KILL'],
      ambient: ['CAP_KILL'],
    }
    config.process.user = { uid: 1000, gid: 1000 }
  })
  // Past execve(2) an unprivileged user holds the ambient set, and the bounding set as a limit; see capabilities(7).
  expect(field(status, 'CapBnd')).toBe(mask('CAP_CHOWN', 'CAP_KILL', 'CAP_NET_BIND_SERVICE', 'CAP_SYS_ADMIN'))
  expect(field(status, 'CapAmb')).toBe(mask('CAP_KILL'))
  expect(field(status, 'CapInh')).toBe(mask('CAP_KILL'))
  expect(field(status, 'CapPrm')).toBe(mask('CAP_KILL'))
  expect(field(status, 'CapEff')).toBe(mask('CAP_KILL'))
})

test('in a user namespace the sets are those of the configuration, ambient ones too', () => {
  const status = inside('cat /proc/self/status', config => {
    const sets = ['bounding', 'permitted', 'effective', 'inheritable', 'ambient']
    config.process.capabilities = Object.fromEntries(sets.map(set => [set, ['CAP_KILL', 'CAP_SYS_ADMIN']]))
    config.process.user = { uid: 7, gid: 7, additionalGids: [8] }
    config.linux.namespaces.push({ type: 'user' })
    config.linux.uidMappings = [{ containerID: 0, hostID: 0, size: 100 }]
    config.linux.gidMappings = [{ containerID: 0, hostID: 0, size: 100 }]
  })
  for (const set of ['CapBnd', 'CapPrm', 'CapEff', 'CapInh', 'CapAmb'])
    expect([set, field(status, set)]).toEqual([set, mask('CAP_KILL', 'CAP_SYS_ADMIN')])
})

test('an ambient capability that is not inheritable is left out', () => {
  const status = inside('cat /proc/self/status', config => {
    const own = ['CAP_KILL', 'CAP_CHOWN']
    config.process.capabilities = { bounding: own, permitted: own, inheritable: ['CAP_KILL'], ambient: own }
    config.process.user = { uid: 1000, gid: 1000 }
  })
  expect(field(status, 'CapAmb')).toBe(mask('CAP_KILL'))
  expect(field(status, 'CapEff')).toBe(mask('CAP_KILL'))
})

// Older runc and crun say nothing.
test.skipIf(!isTsrun)('who makes something inheritable hears what can not be ambient', () => {
  const stderr = (inheritable: string[]) =>
    runArgs(['true'], config => {
      const own = ['CAP_KILL', 'CAP_CHOWN']
      config.process.capabilities = { bounding: own, permitted: own, inheritable, ambient: own }
    }).stderr
  expect(stderr(['CAP_KILL'])).toMatch(/^tsrun: warning: .*can't raise ambient capability CAP_CHOWN: [^\n]*\n$/)
  expect(stderr([])).toBe('')
})

test('root holds the bounding set, and nothing is inheritable by default', () => {
  const status = inside('cat /proc/self/status', config => {
    config.process.capabilities = { bounding: ['CAP_CHOWN'], permitted: ['CAP_CHOWN'], effective: ['CAP_CHOWN'] }
  })
  for (const set of ['CapBnd', 'CapPrm', 'CapEff']) expect([set, field(status, set)]).toEqual([set, mask('CAP_CHOWN')])
  for (const set of ['CapInh', 'CapAmb']) expect([set, field(status, set)]).toEqual([set, mask()])
})

test.skipIf(isRunc)('without capabilities there are none (runc: root keeps all)', () => {
  const status = inside('cat /proc/self/status', config => {
    delete config.process.capabilities
  })
  for (const set of ['CapBnd', 'CapPrm', 'CapEff', 'CapInh', 'CapAmb']) expect(field(status, set)).toBe(mask())
})

test.each([
  [true, '1'],
  [false, '0'],
])('noNewPrivileges %s shows as %s', (noNewPrivileges, shown) => {
  const status = inside('cat /proc/self/status', config => {
    config.process.noNewPrivileges = noNewPrivileges
  })
  expect(field(status, 'NoNewPrivs')).toBe(shown)
})

test.each([
  [true, '1000'],
  [false, '0'],
])('with noNewPrivileges %s a set-user-id program runs as %s', (noNewPrivileges, shown) => {
  const output = inside('/opt/id -u', (config, rootfs) => {
    config.process.noNewPrivileges = noNewPrivileges
    config.process.user = { uid: 1000, gid: 1000 }
    config.process.capabilities!['bounding']!.push('CAP_SETUID')
    mkdirSync(join(rootfs, 'opt'))
    copyFileSync('/usr/bin/id', join(rootfs, 'opt/id'))
    chmodSync(join(rootfs, 'opt/id'), 0o4755)
    // The host's own libraries: busybox gives up what it gains.
    for (const path of ['/lib', '/lib64', '/usr/lib', '/usr/lib64'].filter(path => existsSync(path))) {
      config.mounts.push({ destination: path, type: 'bind', source: path, options: ['rbind', 'ro'] })
    }
  })
  expect(output).toBe(shown)
})

test('oomScoreAdj is set', () => {
  expect(
    inside('cat /proc/self/oom_score_adj', config => {
      config.process.oomScoreAdj = 500
    }),
  ).toBe('500')
})

test('an oomScoreAdj out of range is an error', () => {
  const bundle = makeBundle(config => {
    config.process.oomScoreAdj = 5000
  })
  expectOneSentence(runBundle(bundle), /oomScoreAdj/)
})

test('hostname and domainname are set inside only', () => {
  const output = inside('hostname; cat /proc/sys/kernel/domainname', config => {
    config.hostname = 'box.example'
    config.domainname = 'example.org'
  })
  expect(output).toBe('box.example\nexample.org')
})

test('the program is looked up in the PATH of the container', () => {
  const result = runArgs(['tool', 'argument'], (config, rootfs) => {
    mkdirSync(join(rootfs, 'opt/tools'), { recursive: true })
    writeFileSync(join(rootfs, 'opt/tools/tool'), '#!/bin/sh\necho "$0 $1"\n', { mode: 0o755 })
    config.process.env = ['PATH=/nowhere:/opt/tools:/bin']
  })
  expect(result).toMatchObject({ stdout: '/opt/tools/tool argument\n', stderr: '' })
})

test('with CAP_DAC_OVERRIDE a user may execute what only its owner may', () => {
  const override = ['CAP_DAC_OVERRIDE']
  const result = runArgs(['/bin/busybox', 'id', '-u'], (config, rootfs) => {
    chmodSync(join(rootfs, 'bin/busybox'), 0o744)
    config.process.user = { uid: 1000, gid: 1000 }
    config.process.capabilities = { bounding: override, permitted: override, effective: override }
  })
  expect(result).toMatchObject({ stdout: '1000\n', stderr: '' })
})

test('a file in PATH that is not executable is passed over', () => {
  const result = runArgs(['echo', 'found'], (config, rootfs) => {
    mkdirSync(join(rootfs, 'opt/first'), { recursive: true })
    writeFileSync(join(rootfs, 'opt/first/echo'), 'text', { mode: 0o644 })
    config.process.env = ['PATH=/opt/first:/bin']
  })
  expect(result).toMatchObject({ stdout: 'found\n', stderr: '' })
})

test('a relative program is looked up from cwd', () => {
  const result = runArgs(['./busybox', 'echo', 'hi'], config => {
    config.process.cwd = '/bin'
  })
  expect(result).toMatchObject({ stdout: 'hi\n' })
})

test('arguments arrive unchanged', () => {
  const odd = ['', ' ', 'a b', '"', "'", '\\', '$HOME', '\n', 'ü', '*', '-n', '--']
  const result = runArgs(['sh', '-c', 'for a in "$@"; do printf "[%s]" "$a"; done', 'sh', ...odd])
  expect(result.stdout).toBe(odd.map(word => `[${word}]`).join(''))
})

test('many long arguments arrive', () => {
  const long = 'x'.repeat(100_000)
  const result = runArgs([
    'sh',
    '-c',
    'echo $#; for a in "$1" "$8"; do printf %s "$a" | wc -c; done',
    'sh',
    ...Array.from({ length: 8 }, () => long),
  ])
  expect(result).toMatchObject({ stdout: '8\n100000\n100000\n', stderr: '' })
})

test('a script with an interpreter line runs', () => {
  const result = runArgs(['/script'], (_, rootfs) => {
    writeFileSync(join(rootfs, 'script'), '#!/bin/sh\necho interpreted\n', { mode: 0o755 })
  })
  expect(result.stdout).toBe('interpreted\n')
})

test('HOME comes from the password file when the configuration has none', () => {
  const home = (uid: number) =>
    inside('echo $HOME', config => {
      config.process.user = { uid, gid: 1000 }
    })
  expect([home(0), home(1000)]).toEqual(['/root', '/home/alice'])
})

test('a HOME of the configuration stays', () => {
  expect(inside('echo $HOME', config => config.process.env.push('HOME=/elsewhere'))).toBe('/elsewhere')
})

test('a read-only root is read-only, and what is mounted on it is not', () => {
  const output = inside('touch /new 2>/dev/null || echo refused; touch /dev/shm/new && echo written', config => {
    config.root.readonly = true
  })
  expect(output).toBe('refused\nwritten')
})

test('an absolute root path is taken as it is', () => {
  const other = makeBundle()
  makeRootfs(join(other.directory, 'second'))
  other.config.root.path = join(other.directory, 'second')
  other.config.process.args = ['echo', 'here']
  other.save()
  expect(runBundle(other).stdout).toBe('here\n')
})

test.skipIf(isRunc)('a root path that is a symbolic link is followed (runc: refused)', () => {
  const other = makeBundle()
  makeRootfs(join(other.directory, 'second'))
  symlinkSync('second', join(other.directory, 'link'))
  other.config.root.path = 'link'
  other.config.process.args = ['echo', 'here']
  other.save()
  expect(runBundle(other).stdout).toBe('here\n')
})

test('arguments that are more than the kernel takes are an error that says so', () => {
  const result = runArgs(['true', ...Array.from({ length: 100 }, () => 'x'.repeat(100_000))])
  expectOneSentence(result, /execve `.*true`: E2BIG \(arguments and environment are too long together\)/)
})
