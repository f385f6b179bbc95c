// `tsrun seccomp explain`: what a filter answers to a call, and why; and mistakes in profiles. What it says of single calls is
// compared with what the kernel does in a container with that profile.

import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { oci, runScript } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

type Json = Record<string, unknown>

function file(content: unknown): string {
  const path = join(makeDirectory(), 'profile.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

function ask(profile: unknown, ...words: string[]): Json {
  const { stdout, stderr } = oci(['seccomp', 'explain', '--format', 'json', file(profile), ...words])
  expect(stderr).toBe('')
  return (JSON.parse(stdout) as Json[])[0]!
}

function lint(profile: unknown, ...flags: string[]): string[] {
  const { stdout } = oci(['seccomp', 'explain', '--format', 'json', ...flags, file(profile)])
  const { findings } = JSON.parse(stdout) as { findings: { severity: string; pointer?: string; message: string }[] }
  return findings.map(({ severity, pointer, message }) => `${severity} ${pointer}: ${message}`)
}

const native = process.arch === 'arm64' ? 'SCMP_ARCH_AARCH64' : 'SCMP_ARCH_X86_64'

/** Everything is allowed but what a test takes away. */
const DENY_DANGER =
  'acct add_key bpf clock_settime delete_module finit_module fsopen init_module io_uring_setup ioperm iopl kexec_file_load kexec_load keyctl mount move_mount open_by_handle_at open_tree perf_event_open pivot_root process_vm_writev ptrace reboot request_key setns settimeofday swapoff swapon umount2 unshare userfaultfd clone3'.split(
    ' ',
  )

const good = {
  defaultAction: 'SCMP_ACT_ALLOW',
  architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32', 'SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  syscalls: [
    { names: DENY_DANGER, action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
    { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: 97, args: [{ index: 0, value: 10, op: 'SCMP_CMP_EQ' }] },
    {
      names: ['clone'],
      action: 'SCMP_ACT_ERRNO',
      args: [{ index: 0, value: 0x10000000, valueTwo: 0x10000000, op: 'SCMP_CMP_MASKED_EQ' }],
    },
    { names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 },
  ],
}

describe.runIf(isTsrun)('a good profile', () => {
  test('has no mistakes, and its numbers are told', () => {
    const { status, stdout } = oci(['seccomp', 'explain', file(good)])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^default +SCMP_ACT_ALLOW\nsize +\d+ instructions\narchitectures +/)
    expect(stdout).toMatch(/^ +2 calls +by arguments$/m)
    expect(stdout).toMatch(/^ +\d+ instructions +read$/m)
    expect(stdout).toMatch(/^nothing found\n$/m)
  })

  test.each<[string[], string, string | undefined, RegExp]>([
    [['mkdirat'], 'SCMP_ACT_ERRNO ENOSPC', '/syscalls/3', /no conditions/],
    [['socket', '10', '1'], 'SCMP_ACT_ERRNO EAFNOSUPPORT', '/syscalls/1', /its condition holds/],
    [['socket', '2', '1'], 'SCMP_ACT_ALLOW', '/defaultAction', /no rule fits/],
    [['clone', '0x10000011'], 'SCMP_ACT_ERRNO EPERM', '/syscalls/2', /its condition holds/],
    [['clone', '021'], 'SCMP_ACT_ALLOW', '/defaultAction', /no rule fits/],
    [['read'], 'SCMP_ACT_ALLOW', '/defaultAction', /no rule names it/],
    [['--', 'socket', '-1'], 'SCMP_ACT_ALLOW', '/defaultAction', /no rule fits/],
  ])('says of %j: %s', (words, answer, pointer, reason) => {
    const found = ask(good, ...words)
    expect(found).toMatchObject({ answer, pointer, reason: expect.stringMatching(reason), architecture: native })
    expect(found['executed']).toBeGreaterThan(3)
    expect(found['executed']).toBeLessThan(found['size'] as number)
  })

  test('says what the kernel then does', () => {
    const bundle = makeBundle(config => Object.assign(config.linux, { seccomp: good }))
    const told = oci(['seccomp', 'explain', bundle.directory, 'mkdirat'])
    expect(told.stdout).toMatch(/because +\/linux\/seccomp\/syscalls\/3: /)
    const { stderr } = runScript('mkdir /tmp/x', config => Object.assign(config.linux, { seccomp: good }))
    expect(stderr).toMatch(/No space left on device/)
  })

  test('is told for other architectures, too', () => {
    const { stdout } = oci(['seccomp', 'explain', '--arch', 'all', file(good), 'mkdir'])
    expect(stdout.match(/^SCMP_ARCH_\w+ mkdir\(\)/gm)!.length).toBeGreaterThan(3)
    const x86 = oci(['seccomp', 'explain', '-a', 'x86', '-f', 'json', file(good), 'socketcall', '1'])
    expect(JSON.parse(x86.stdout)[0]).toMatchObject({
      architecture: 'SCMP_ARCH_X86',
      answer: 'SCMP_ACT_ERRNO EAFNOSUPPORT',
      pointer: '/syscalls/1',
    })
  })

  test('is taken apart by --disassemble', () => {
    const { stdout } = oci(['seccomp', 'explain', '--disassemble', file(good)])
    expect(stdout).toMatch(/^ +0: A = architecture\n +1: if A == SCMP_ARCH_/)
    expect(stdout).toMatch(/: return SCMP_ACT_ERRNO ENOSPC$/m)
  })
})

describe.runIf(isTsrun)('a profile that is a little wrong', () => {
  const allowing = { ...good, defaultAction: 'SCMP_ACT_ALLOW' }
  const refusing = (...syscalls: Json[]) => ({
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: good.architectures,
    syscalls: [
      { names: ['execve', 'exit_group', 'brk', 'mmap', 'read', 'write', 'close'], action: 'SCMP_ACT_ALLOW' },
      ...syscalls,
    ],
  })
  const adding = (...rules: Json[]) => ({ ...allowing, syscalls: [...good.syscalls, ...rules] })
  const eq = (index: number, value: number) => ({ index, value, op: 'SCMP_CMP_EQ' })

  test.each<[string, unknown, string]>([
    [
      'a misspelt name',
      adding({ names: ['unlik'], action: 'SCMP_ACT_ERRNO' }),
      'warning /syscalls/4/names/0: no system call is called "unlik", so this has no effect',
    ],
    [
      'a rule that another one settles',
      adding({ names: ['mkdir'], action: 'SCMP_ACT_KILL', args: [eq(1, 5)] }),
      'warning /syscalls/4: the rule never counts: /syscalls/3 settles that without conditions',
    ],
    [
      'an exception that is none',
      refusing({ names: ['socket'], action: 'SCMP_ACT_ERRNO', args: [eq(0, 10)] }),
      'warning /syscalls/1: answers SCMP_ACT_ERRNO EPERM, as the default does, so the rule has no effect',
    ],
    [
      'a condition about a path',
      adding({ names: ['chmod'], action: 'SCMP_ACT_ERRNO', args: [eq(0, 4096)] }),
      'warning /syscalls/4/args/0/index: argument 0 of `chmod` is an address, and a filter can not see what is there',
    ],
    [
      'a condition that can not hold',
      adding({
        names: ['personality'],
        action: 'SCMP_ACT_ERRNO',
        args: [{ index: 0, value: 0xf0, valueTwo: 0x0f, op: 'SCMP_CMP_MASKED_EQ' }],
      }),
      'warning /syscalls/4/args/0: can never hold for argument 0',
    ],
    [
      'two conditions on one argument',
      adding({ names: ['personality'], action: 'SCMP_ACT_ERRNO', args: [eq(0, 1), eq(0, 2)] }),
      'warning /syscalls/4/args: two conditions about the same argument: each counts for itself, and one that holds is enough',
    ],
    [
      'a way around',
      adding({ names: ['rename', 'renameat'], action: 'SCMP_ACT_ERRNO' }),
      'warning /syscalls/4: limits `rename`, but `renameat2` is open and does the same',
    ],
    [
      'flags of clone that clone3 hides',
      refusing(
        {
          names: ['clone'],
          action: 'SCMP_ACT_ALLOW',
          args: [{ index: 0, value: 0x7e020000, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }],
        },
        { names: ['clone3'], action: 'SCMP_ACT_ALLOW' },
      ),
      'warning /syscalls/1: limits `clone`, but `clone3` is open and does the same',
    ],
    [
      'an error that is success',
      adding({ names: ['chroot'], action: 'SCMP_ACT_ERRNO', errnoRet: 0 }),
      'note /syscalls/4/errnoRet: is 0: the call seems to succeed and nothing is done',
    ],
    [
      'no execve',
      {
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 1,
        syscalls: [{ names: ['read', 'rseq'], action: 'SCMP_ACT_ALLOW' }],
      },
      "error /syscalls: `execve` gets SCMP_ACT_ERRNO EPERM, so the container's program can not start",
    ],
  ])('%s', (_, profile, expected) => {
    const found = lint(profile)
    if (native === 'SCMP_ARCH_X86_64' || !expected.includes('mkdir')) expect(found).toContain(expected)
  })

  test('mistakes of shape come with the others, and the exit code tells', () => {
    const path = file({ ...good, defaultAction: 'SCMP_ACT_ALLOW', flags: ['NONSENSE'] })
    const { status, stdout } = oci(['seccomp', 'explain', path])
    expect(status).toBe(1)
    expect(stdout).toMatch(/^error: \/flags\/0: must be one of /m)
  })
})

describe.runIf(isTsrun)("a profile in the engines' format", () => {
  const engine = {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    archMap: [
      { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'] },
      { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
    ],
    syscalls: [
      { names: ['mount'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] }, excludes: {} },
      { names: ['mount'], action: 'SCMP_ACT_ERRNO', errnoRet: 1, includes: {}, excludes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['ptrace'], action: 'SCMP_ACT_ALLOW', args: null, includes: { minKernel: '4.8' } },
      { names: ['bpf'], action: 'SCMP_ACT_ALLOW', includes: { minKernel: '99.1' } },
      { names: ['s390_runtime_instr'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['s390x'] } },
      { name: 'execve', action: 'SCMP_ACT_ALLOW' },
    ],
  }

  test.each([
    [['mount'], 'SCMP_ACT_ERRNO EPERM', '/syscalls/1'],
    [['--cap', 'sys_admin', 'mount'], 'SCMP_ACT_ALLOW', '/syscalls/0'],
    [['ptrace'], 'SCMP_ACT_ALLOW', '/syscalls/2'],
    [['bpf'], 'SCMP_ACT_ERRNO ENOSYS', '/defaultAction'],
    [['execve'], 'SCMP_ACT_ALLOW', '/syscalls/5'],
  ])('%j', (words, answer, pointer) => {
    expect(ask(engine, ...words)).toMatchObject({ answer, pointer })
  })

  const podman = '/usr/share/containers/seccomp.json'
  test.runIf(existsSync(podman))("podman's own has no errors", () => {
    expect(oci(['seccomp', 'explain', podman])).toMatchObject({ status: 0, stderr: '' })
  })
})

describe.runIf(isTsrun)('a hostile profile', () => {
  test.each<[string, string, RegExp]>([
    ['no JSON', '{', /is not valid JSON/],
    ['a list', '[]', /is neither a profile nor a config.json/],
    ['nothing in it', '{"ociVersion": "1.0.2"}', /has no linux.seccomp, so every system call is allowed/],
    ['a prototype', '{"__proto__": {}}', /this name is not allowed here/],
    [
      'rules that are none',
      '{"defaultAction": "SCMP_ACT_ALLOW", "archMap": 5}',
      /\/archMap: must be a list of objects/,
    ],
    [
      'conditions that are none',
      '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["x"], "action": "SCMP_ACT_ERRNO", "includes": 1}]}',
      /\/syscalls\/0\/includes: must be an object/,
    ],
  ])('%s', (_, text, words) => {
    expectOneSentence(oci(['seccomp', 'explain', file(text), 'read']), words)
  })

  test('control characters stay out of the text', () => {
    const { stdout } = oci([
      'seccomp',
      'explain',
      file({ ...good, syscalls: [{ names: ['\u001b[2Jread\nerror: x'], action: 'SCMP_ACT_KILL' }] }),
    ])
    expect(stdout).not.toMatch(/\u001b|^error/m)
  })

  test('thousands of rules are explained in reasonable time', () => {
    const syscalls = Array.from({ length: 3000 }, (_, value) => ({
      names: ['personality'],
      action: 'SCMP_ACT_ERRNO',
      errnoRet: (value % 100) + 1,
      args: [{ index: 0, value, op: 'SCMP_CMP_EQ' }],
    }))
    expect(ask({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }, 'personality', '2999')).toMatchObject({
      pointer: '/syscalls/2999',
    })
  })

  test.each([
    [['nonsense'], /`nonsense` is no system call/],
    [['read', 'x'], /arguments of a system call are numbers, not `x`/],
    [['read', '18446744073709551616'], /does not fit into 64 bits/],
    [['read', '1', '2', '3', '4', '5', '6', '7'], /6 arguments at most, not 7/],
    [['--arch', 'z80', 'read'], /`z80` is no architecture/],
  ])('%j is a wrong question', (words, sentence) => {
    expectOneSentence(oci(['seccomp', 'explain', file(good), ...words]), sentence)
  })
})
