// `tsrun validate`: everything that is wrong with a bundle, at once, without touching anything. Shown on a good bundle, on ones
// that are a little wrong, and on one that means harm.

import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Bundle, makeBundle, makeDirectory } from '../../lib/bundle.ts'
import type { Config } from '../../lib/config.ts'
import { command, oci, runBundle } from '../../lib/container.ts'
import { isRoot } from '../../lib/machine.ts'
import { run } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'
import { withUser } from '../../lib/user.ts'

leavesNothing()
const user = withUser()

interface Finding {
  severity: string
  pointer?: string
  message: string
  hint?: string
}

interface Report {
  valid: boolean
  findings: Finding[]
}

function validate({ directory }: Bundle, ...flags: string[]): Report & { status: number | null } {
  const { status, stdout, stderr } = oci(['validate', '--format', 'json', ...flags, directory])
  expect(stderr).toBe('')
  return { status, ...(JSON.parse(stdout) as Report) }
}

function of(findings: readonly Finding[], ...severities: string[]): string[] {
  return findings
    .filter(({ severity }) => severities.includes(severity))
    .map(({ pointer, message }) => `${pointer}: ${message}`)
}

function mistakes(change: (config: Config, rootfs: string) => void, ...flags: string[]): string[] {
  return of(validate(makeBundle(change), ...flags).findings, 'error', 'warning')
}

const ALLOW = { defaultAction: 'SCMP_ACT_ALLOW' }

describe.runIf(isTsrun && isRoot)('a good bundle', () => {
  test('has neither errors nor warnings, and runs', () => {
    const bundle = makeBundle(config => {
      config.mounts.push({ destination: '/srv', source: makeDirectory(), options: ['rbind', 'ro'] })
      config.linux.sysctl = { 'net.ipv4.ip_forward': '0' }
    })
    const { status, valid, findings } = validate(bundle)
    expect(of(findings, 'error', 'warning')).toEqual([])
    expect({ status, valid }).toEqual({ status: 0, valid: true })
    expect(runBundle(bundle).status).toBe(0)
  })

  test('may be named by its config.json', () => {
    const { directory } = makeBundle(config => {
      config.process.args = ['no-such-program']
    })
    const whole = oci(['validate', directory])
    expect(oci(['validate', join(directory, 'config.json')])).toMatchObject({ status: 1, stdout: whole.stdout })
    expect(run([...command('validate', 'config.json')], { cwd: directory })).toMatchObject({ stdout: whole.stdout })
    expect(oci(['validate', join(directory, 'missing.json')]).stderr).toMatch(/missing\.json` does not exist/)
  })

  test('in the current directory needs no argument, and the text is for people', () => {
    const { directory } = makeBundle()
    const { status, stdout } = oci(['validate'], { cwd: directory })
    expect(status).toBe(0)
    expect(stdout).toMatch(/^note: \/linux\/seccomp: there is no filter of system calls\n(note: .*\n)*\d+ notes?\n$/)
  })

  test('is looked at without any side effect', () => {
    const { directory } = makeBundle()
    const log = join(makeDirectory(), 'calls')
    run(['strace', '-f', '-qq', '-o', log, '-e', 'trace=file,process,network,desc', ...command('validate', directory)])
    const calls = readFileSync(log, 'utf8')
    expect(calls).toContain('config.json')
    const own = calls.slice(calls.indexOf(`${directory}/config.json`))
    expect(own).not.toMatch(
      /\b(mkdir|mkdirat|mount|unlink\w*|rename\w*|symlink\w*|mknod\w*|chmod|fchmodat|chown|fchownat|setns|unshare|pivot_root|clone3?|vfork|execve|bind|connect)\(/,
    )
    expect(own).not.toMatch(/openat2?\([^)]*\b(O_WRONLY|O_RDWR|O_CREAT|O_TRUNC)\b/)
  })
})

describe.runIf(isTsrun && isRoot)('a bundle that is a little wrong', () => {
  test('is told all of it at once, each with its place', () => {
    const bundle = makeBundle((config, rootfs) => {
      writeFileSync(join(rootfs, 'bin/broken'), '#!/usr/bin/pyhton3\n', { mode: 0o755 })
      config.process.args = ['broken']
      config.process.cwd = '/home/bob'
      config.process['noNewPriviliges'] = true
      config.process.rlimits!.push({ type: 'RLIMIT_CORE', soft: 2, hard: 1 })
      config.mounts.push({ destination: '/data', source: '/nonexistent/data', options: ['bind'] })
      config.mounts.unshift({ destination: '/dev/hugepages', type: 'tmpfs' })
      config.hooks = { prestart: [{ path: '/nonexistent/hook' }] }
      config.linux.sysctl = { 'kernel.panic': '1' }
      config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'uts')
    })
    const { status, valid, findings } = validate(bundle)
    expect({ status, valid }).toEqual({ status: 1, valid: false })
    expect(of(findings, 'error').sort()).toEqual([
      '/hooks/prestart/0/path: `/nonexistent/hook` does not exist on the host',
      '/hostname: needs a uts namespace',
      '/linux/sysctl/kernel.panic: `kernel.panic` is not in a separate kernel namespace, it would change the host',
      '/mounts/0/destination: `/dev/hugepages` is hidden by the later mount on `/dev`',
      '/mounts/7/source: `/nonexistent/data` does not exist on the host, or can not be reached',
      '/process/args/0: the interpreter `/usr/bin/pyhton3` of `/bin/broken` is not in the container',
      '/process/rlimits/1: the soft limit of RLIMIT_CORE is above the hard one, 2 > 1',
    ])
    expect(of(findings, 'warning').sort()).toEqual([
      '/process/cwd: `/home/bob` is not in the root file system',
      '/process/noNewPriviliges: is no property of the specification and has no effect',
    ])
    expect(findings.find(({ pointer }) => pointer === '/process/noNewPriviliges')?.hint).toBe(
      'did you mean `noNewPrivileges`?',
    )
  })

  test('of a wrong shape is read as far as possible, with the places of the file', () => {
    const bundle = makeBundle()
    const config = JSON.parse(JSON.stringify(bundle.config))
    config.mounts[1].destination = 5
    config.mounts[2].options = 'ro'
    config.process.args = []
    writeFileSync(join(bundle.directory, 'config.json'), JSON.stringify(config))
    expect(of(validate(bundle).findings, 'error')).toEqual([
      '/mounts/1/destination: must be a string, is a number',
      '/mounts/2/options: must be an array, is a string',
      '/process/args: must name a program to run',
    ])
  })

  test.each<[string, (config: Config, rootfs: string) => void, string]>([
    [
      'a program that is missing',
      c => (c.process.args = ['frobnicate']),
      '/process/args/0: `frobnicate` is not found in the container',
    ],
    [
      'a program without the x bit',
      (c, rootfs) => {
        writeFileSync(join(rootfs, 'bin/tool'), '#!/bin/sh\n', { mode: 0o644 })
        c.process.args = ['tool']
      },
      '/process/args/0: `/bin/tool` is not executable for user 0',
    ],
    [
      'a program that this user may not execute',
      (c, rootfs) => {
        writeFileSync(join(rootfs, 'bin/tool'), '#!/bin/sh\n')
        chmodSync(join(rootfs, 'bin/tool'), 0o744)
        Object.assign(c.process, { args: ['/bin/tool'], user: { uid: 1000, gid: 1000 } })
      },
      '/process/args/0: `/bin/tool` is not executable for user 1000',
    ],
    [
      'a program in a directory that this user may not search',
      (c, rootfs) => {
        mkdirSync(join(rootfs, 'closed'), { mode: 0o700 })
        writeFileSync(join(rootfs, 'closed/tool'), '#!/bin/sh\n')
        chmodSync(join(rootfs, 'closed/tool'), 0o755)
        Object.assign(c.process, { args: ['/closed/tool'], user: { uid: 1000, gid: 1000 } })
      },
      '/process/args/0: user 1000 may not search the directory `/closed`',
    ],
    [
      'text instead of a program',
      (c, rootfs) => {
        writeFileSync(join(rootfs, 'bin/tool'), 'hello\n', { mode: 0o755 })
        c.process.args = ['tool']
      },
      '/process/args/0: `/bin/tool` is neither a program nor a script with a `#!` line',
    ],
    [
      'a program on a mount that is noexec',
      c => {
        c.mounts.push({ destination: '/tools', source: makeToolDirectory(), options: ['bind', 'noexec'] })
        c.process.args = ['/tools/tool']
      },
      '/process/args/0: `/tools/tool` is in the mount on `/tools`, which is `noexec`',
    ],
    [
      'a program that is masked',
      c => {
        c.process.args = ['/bin/busybox', 'true']
        c.linux.maskedPaths!.push('/bin')
      },
      '/linux/maskedPaths/5: hides `/bin/busybox`, the program that is to run',
    ],
    [
      'a root file system that is missing',
      c => (c.root.path = 'nowhere'),
      '/root/path: `NOWHERE` does not exist, or can not be reached',
    ],
    [
      'a capability that there is not',
      c => c.process.capabilities!['bounding']!.push('CAP_EVERYTHING'),
      '/process/capabilities/bounding/3: `CAP_EVERYTHING` is left out: it is no capability that we know',
    ],
    [
      'a namespace of another type',
      c => (c.linux.namespaces[0] = { type: 'pid', path: '/proc/self/ns/net' }),
      '/linux/namespaces/0/path: `/proc/self/ns/net` is a network namespace, not a pid one',
    ],
    [
      'a namespace that is none',
      c => (c.linux.namespaces[0] = { type: 'pid', path: '/etc/passwd' }),
      '/linux/namespaces/0/path: `/etc/passwd` is not a namespace',
    ],
    [
      'a network interface that is missing',
      c => (c.linux['netDevices'] = { nonsense0: {} }),
      '/linux/netDevices/nonsense0: the host has no network interface `nonsense0`',
    ],
    [
      'a filter with a misspelt name',
      c =>
        (c.linux['seccomp'] = {
          ...ALLOW,
          defaultAction: 'SCMP_ACT_LOG',
          syscalls: [{ names: ['openta'], action: 'SCMP_ACT_ERRNO' }],
        }),
      '/linux/seccomp/syscalls/0/names/0: no system call is called "openta", so this has no effect',
    ],
    [
      'a hook that is no program',
      c => (c.hooks = { createRuntime: [{ path: '/etc/passwd' }] }),
      '/hooks/createRuntime/0/path: `/etc/passwd` is not executable',
    ],
    [
      'a file where a directory is mounted',
      c => c.mounts.push({ destination: '/etc/passwd', type: 'tmpfs' }),
      '/mounts/6/destination: `/etc/passwd` is a file in the container',
    ],
    [
      'a file system that there is not',
      c => c.mounts.push({ destination: '/mnt', type: 'zorkfs' }),
      '/mounts/6/type: the kernel does not list the file system `zorkfs`',
    ],
  ])('%s', (_, change, expected) => {
    let rootfs = ''
    const found = mistakes((config, path) => {
      rootfs = path
      change(config, path)
    })
    expect(found).toContain(expected.replace('NOWHERE', rootfs.replace(/rootfs$/, 'nowhere')))
  })

  test('a program for another architecture', () => {
    const found = mistakes((config, rootfs) => {
      const elf = Buffer.from(readFileSync(join(rootfs, 'bin/busybox')).subarray(0, 4096))
      elf.writeUInt16LE(process.arch === 'x64' ? 183 : 62, 18)
      writeFileSync(join(rootfs, 'bin/foreign'), elf, { mode: 0o755 })
      config.process.args = ['foreign']
    })
    expect(found.join()).toMatch(/\/process\/args\/0: `\/bin\/foreign` is for (aarch64|x86_64), this host is/)
  })

  test('a program whose dynamic loader is missing', () => {
    const found = mistakes((config, rootfs) => {
      writeFileSync(
        join(rootfs, 'bin/dynamic'),
        readFileSync(execFileSync('readlink', ['-f', '/bin/true'], { encoding: 'utf8' }).trim()),
        { mode: 0o755 },
      )
      config.process.args = ['dynamic']
    })
    expect(found.join()).toMatch(
      /\/process\/args\/0: the dynamic loader `\/lib[^`]*` of `\/bin\/dynamic` is not in the container/,
    )
  })

  test('a program that comes with a mount is found there', () => {
    const bundle = makeBundle((config, rootfs) => {
      rmSync(join(rootfs, 'bin'), { recursive: true })
      config.mounts.push({ destination: '/bin', source: makeToolDirectory(), options: ['bind', 'ro'] })
      config.process.args = ['tool']
    })
    expect(of(validate(bundle).findings, 'error', 'warning')).toEqual([])
  })

  test('limits that the tree has no controller for', () => {
    const { findings } = validate(
      makeBundle(config => {
        Object.assign(config.linux.resources!, { memory: { limit: 1 << 26 }, pids: { limit: 50 } })
      }),
      '--cgroup-manager',
      'disabled',
    )
    expect(of(findings, 'error')).toEqual([
      expect.stringMatching(/needs a cgroup, and --cgroup-manager disabled is given/),
    ])
  })

  test('ids that do not belong to an unprivileged user', () => {
    const { directory } = makeBundle(config => {
      config.linux.namespaces.push({ type: 'user' })
      const { first, count } = user.current.subordinate
      const own = { containerID: 0, hostID: user.current.uid, size: 1 }
      config.linux.uidMappings = [own, { containerID: 1, hostID: first, size: count + 1 }]
      config.linux.gidMappings = [own, { containerID: 1, hostID: first, size: count }]
    })
    const { status, stdout } = run(user.current.wrap([command()[0]!, 'validate', directory]))
    expect(status).toBe(1)
    const { first, count } = user.current.subordinate
    expect(stdout).toContain(
      `error: /linux/uidMappings/1/hostID: the ids ${first} to ${first + count} do not belong to \`${user.current.name}\` in /etc/subuid\n`,
    )
    expect(stdout).not.toContain('/linux/gidMappings')
  })
})

function makeToolDirectory(): string {
  const directory = makeDirectory()
  writeFileSync(join(directory, 'tool'), readFileSync('/bin/busybox'), { mode: 0o755 })
  return directory
}

describe.runIf(isTsrun && isRoot)('a hostile bundle', () => {
  test('does not lead out of its root file system, and does not make us wait', () => {
    const bundle = makeBundle((config, rootfs) => {
      rmSync(join(rootfs, 'etc'), { recursive: true })
      symlinkSync('/../../../../../../etc', join(rootfs, 'etc'))
      symlinkSync('loop', join(rootfs, 'loop'))
      symlinkSync('../../../../../../../../bin', join(rootfs, 'escape'))
      execFileSync('mkfifo', [join(rootfs, 'bin/pipe')])
      config.process.args = ['/escape/pipe']
      config.process.cwd = '/loop/x'
    })
    const found = of(validate(bundle).findings, 'error')
    expect(found).toEqual([
      '/process/cwd: `/loop` is a symbolic link that leads to itself',
      '/process/args/0: `/escape/pipe` is not a file',
    ])
  })

  test('that gives the host away is told for what it is', () => {
    const found = mistakes(config => {
      config.mounts.push({ destination: '/host', source: '/', options: ['rbind'] })
      config.process.capabilities!['bounding']!.push('CAP_SYS_ADMIN')
    })
    expect(found).toContain('/mounts/6/source: the container can write to `/` of the host')
    expect(found).toContain(
      '/process/capabilities/bounding: `CAP_SYS_ADMIN` without a user namespace can be used to take over the host',
    )
  })

  test.each([
    ['{"ociVersion": "1.0.2",,}', /is not valid JSON: line 1, column 24/],
    ['[1]', /must be an object/],
    ['{"__proto__": {"root": {}}}', /this name is not allowed here/],
    [`${'['.repeat(100_000)}`, /is nested deeper than 200 levels/],
  ])('config.json of %.30s', (text, words) => {
    const bundle = makeBundle()
    writeFileSync(join(bundle.directory, 'config.json'), text)
    const { status, findings } = validate(bundle)
    expect(status).toBe(1)
    expect(findings).toEqual([expect.objectContaining({ severity: 'error', message: expect.stringMatching(words) })])
  })

  test('with thousands of mistakes is told them all in reasonable time', () => {
    const bundle = makeBundle(config => {
      for (let i = 0; i < 500; i++)
        config.mounts.push({ destination: `/m${i}`, source: `/nonexistent/${i}`, options: ['bind'] })
      config.process.env = Array.from({ length: 500 }, (_, i) => `no-value-${i}`)
    })
    expect(of(validate(bundle).findings, 'error')).toHaveLength(1000)
  })
})
