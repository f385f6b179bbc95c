// The answers for podman's profile are those of libseccomp, with which runc and crun make their filters.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Seccomp, SeccompArch, SeccompArg } from '../../spec/generated/config.ts'
import { answer } from '../../src/plan/seccomp/actions.ts'
import { architectures } from '../../src/plan/seccomp/architectures.ts'
import { compile } from '../../src/plan/seccomp/compile.ts'
import { interpret } from '../../src/plan/seccomp/interpreter.ts'
import { DOCKER_SHAPED, INSTALLED, MULTIPLEXED, podmanProfile } from './profiles.scene.ts'

const NAMES: readonly [SeccompArch, string][] = [
  ['SCMP_ARCH_X86_64', 'x86_64'],
  ['SCMP_ARCH_X86', 'x86'],
  ['SCMP_ARCH_X32', 'x32'],
  ['SCMP_ARCH_AARCH64', 'aarch64'],
  ['SCMP_ARCH_ARM', 'arm'],
  ['SCMP_ARCH_PPC64LE', 'ppc64le'],
  ['SCMP_ARCH_MIPSEL64N32', 'mipsel64n32'],
  ['SCMP_ARCH_RISCV64', 'riscv64'],
]
const OPERATORS = ['', 'NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'].map(word => `SCMP_CMP_${word}`)
const source = new URL('../../src/plan/seccomp/libseccomp.test.c', import.meta.url).pathname
const installed =
  ['/usr/bin/cc', '/usr/local/bin/cc'].some(existsSync) && existsSync('/usr/include/seccomp.h') && existsSync(INSTALLED)
if (!installed && process.env['CI']) throw new Error('cc, libseccomp-dev or the profile of podman is missing')

const TIMEOUT = 60_000

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'libseccomp-'))
  if (installed) execFileSync('cc', ['-o', join(directory, 'filter'), source, '-lseccomp'])
})
afterAll(() => rmSync(directory, { recursive: true }))

/** One rule with all of the conditions, or one for each where two are about the same argument. */
function conjunctions(args: readonly SeccompArg[] = []): (readonly SeccompArg[])[] {
  return new Set(args.map(({ index }) => index)).size === args.length ? [args] : args.map(arg => [arg])
}

/** What libseccomp makes of a profile, and the names that it does not know. */
function theirs(profile: Seccomp, archs: typeof NAMES): { program: Uint8Array; unknown: Set<string> } {
  const unnamed = answer(profile.defaultAction, profile.defaultErrnoRet)
  const lines = [`default ${unnamed}`, ...archs.map(([, name]) => `arch ${name}`)]
  for (const { names, action, errnoRet, args } of profile.syscalls ?? []) {
    const value = answer(action, errnoRet)
    if (value === unnamed) continue
    for (const list of conjunctions(args)) {
      const words = list.map(a => `${a.index} ${OPERATORS.indexOf(a.op)} ${a.value} ${a.valueTwo ?? 0}`)
      for (const name of names) lines.push(`rule ${value} ${name} ${list.length} ${words.join(' ')}`)
    }
  }
  const { status, stdout, stderr } = spawnSync(join(directory, 'filter'), { input: lines.join('\n') })
  expect(status).toBe(0)
  return { program: stdout, unknown: new Set(stderr.toString().split('\n')) }
}

/** The profile without the names that libseccomp is too old for. */
function without(profile: Seccomp, unknown: ReadonlySet<string>): Seccomp {
  const syscalls = profile.syscalls!.map(rule => ({ ...rule, names: rule.names.filter(name => !unknown.has(name)) }))
  return { ...profile, syscalls }
}

const SAMPLES: readonly (readonly bigint[])[] = [
  ...[0n, 1n, 2n, 5n, 8n, 11n, 12n, 16n, 41n, 0x20008n, 0x7e020000n, 0x1_0000_0008n, 2n ** 64n - 1n].map(first => [
    first,
    1n,
    9n,
  ]),
  [16n, 1n, 8n],
  [2n, 1n, 8n],
]
const NUMBERS = [
  ...Array.from({ length: 480 }, (_, number) => number),
  ...Array.from({ length: 480 }, (_, number) => 0x40000000 + number),
  ...Array.from({ length: 480 }, (_, number) => 6000 + number),
  ...[0xf0001, 0xf0005, 0x3fff_ffff, 0x7fff_ffff, 0xffff_ffff],
]

/** Everything that the two answer differently. */
function differences(ours: Uint8Array, others: Uint8Array, archs: typeof NAMES): string[] {
  const found: string[] = []
  const audits = new Set([...archs.map(([arch]) => architectures[arch].audit), 0x16, 0x12345678])
  for (const audit of audits)
    for (const number of NUMBERS)
      for (const args of SAMPLES) {
        const call = { audit, number, args }
        const [a, b] = [interpret(ours, call).value, interpret(others, call).value]
        if (a !== b) found.push(`${audit.toString(16)} ${number} ${args}: ${a.toString(16)}, theirs ${b.toString(16)}`)
      }
  return found
}

const lists: [string, typeof NAMES][] = [
  ['x86-64 alone', NAMES.slice(0, 1)],
  ['x86-64, x86 and x32', NAMES.slice(0, 3)],
  ['more', NAMES],
]

test.skipIf(!installed).each(lists)(
  'the default profile of podman, %s',
  (_, archs) => {
    const podman = podmanProfile(readFileSync(INSTALLED, 'utf8'))
    const { program, unknown } = theirs(podman, archs)
    const profile = without({ ...podman, architectures: archs.map(([arch]) => arch) }, unknown)
    const ours = compile(profile, 'SCMP_ARCH_X86_64')
    expect(differences(ours, program, archs)).toEqual([])
    expect(ours.length).toBeLessThan(program.length)
  },
  TIMEOUT,
)

test.skipIf(!installed).each([
  ['conditions as in the profile of docker', DOCKER_SHAPED],
  ['calls behind others', MULTIPLEXED],
])(
  '%s',
  (_, profile) => {
    const { program, unknown } = theirs(profile, NAMES)
    const open = { ...profile, architectures: NAMES.map(([arch]) => arch) }
    expect(differences(compile(without(open, unknown), 'SCMP_ARCH_X86_64'), program, NAMES)).toEqual([])
  },
  TIMEOUT,
)

/** Numbers of x86-64. */
const COMMON = { read: 0, write: 1, close: 3, mmap: 9, futex: 202, openat: 257, statx: 332, clone3: 435 }

test.skipIf(!installed)('common calls cost less than with libseccomp', () => {
  const podman = podmanProfile(readFileSync(INSTALLED, 'utf8'))
  const { program } = theirs(podman, NAMES.slice(0, 3))
  const ours = compile(podman, 'SCMP_ARCH_X86_64')
  for (const [name, number] of Object.entries(COMMON)) {
    const call = { audit: architectures.SCMP_ARCH_X86_64.audit, number, args: [0n, 0n, 0n] }
    const executed = interpret(ours, call).executed
    expect(executed, name).toBeLessThanOrEqual(16)
    expect(executed, name).toBeLessThanOrEqual(interpret(program, call).executed)
  }
})
