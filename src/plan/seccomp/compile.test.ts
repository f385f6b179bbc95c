import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { Seccomp, SeccompArch, SeccompRule } from '../../../spec/generated/config.ts'
import { INSTALLED, podmanProfile } from '../../../testing/seccomp/profiles.scene.ts'
import { architectures } from './architectures.ts'
import { compile } from './compile.ts'
import { answerText, disassemble } from './disassemble.ts'
import { interpret } from './interpreter.ts'

const X86_64 = 0xc000003e
const ALL_BITS = 2n ** 64n - 1n

const rule = (names: string[], action: SeccompRule['action'], more: Partial<SeccompRule> = {}) => ({
  names,
  action,
  ...more,
})
const denying = (...syscalls: SeccompRule[]): Seccomp => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls })

/** The answer in words, by default to a call of x86-64. */
function ask(profile: Seccomp, number: number, args: (number | bigint)[] = [], audit = X86_64): string {
  const endian = Object.values(architectures).find(arch => arch.audit === audit)?.endian
  return answerText(interpret(compile(profile, 'SCMP_ARCH_X86_64'), { audit, number, args }, endian).value)
}

test('a call that is named gets its action, another the default', () => {
  const profile = denying(rule(['write', 'read'], 'SCMP_ACT_ALLOW'), rule(['open'], 'SCMP_ACT_ERRNO', { errnoRet: 2 }))
  const answers = [0, 1, 2].map(number => ask(profile, number))
  expect(answers).toEqual(['SCMP_ACT_ALLOW', 'SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO ENOENT'])
  expect(ask({ ...profile, syscalls: [...profile.syscalls!, rule(['mseal'], 'SCMP_ACT_LOG')] }, 3)).toBe(
    'SCMP_ACT_ERRNO EPERM',
  )
})

test.each([
  ['SCMP_ACT_KILL', 'SCMP_ACT_KILL'],
  ['SCMP_ACT_KILL_THREAD', 'SCMP_ACT_KILL'],
  ['SCMP_ACT_KILL_PROCESS', 'SCMP_ACT_KILL_PROCESS'],
  ['SCMP_ACT_TRAP', 'SCMP_ACT_TRAP'],
  ['SCMP_ACT_ERRNO', 'SCMP_ACT_ERRNO EPERM'],
  ['SCMP_ACT_TRACE', 'SCMP_ACT_TRACE 1'],
  ['SCMP_ACT_LOG', 'SCMP_ACT_LOG'],
  ['SCMP_ACT_NOTIFY', 'SCMP_ACT_NOTIFY'],
  ['SCMP_ACT_ALLOW', 'SCMP_ACT_ALLOW'],
] as const)('%s is answered as %s', (action, text) => {
  const defaultAction = action === 'SCMP_ACT_ALLOW' ? 'SCMP_ACT_LOG' : 'SCMP_ACT_ALLOW'
  expect(ask({ defaultAction, syscalls: [rule(['read'], action)] }, 0)).toBe(text)
})

test('a call newer than all that the profile names is not there', () => {
  const profile = denying(rule(['read', 'openat'], 'SCMP_ACT_ALLOW'))
  const answers = [256, 257, 258, 500].map(number => ask(profile, number))
  expect(answers).toEqual(['SCMP_ACT_ERRNO EPERM', 'SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO ENOSYS', 'SCMP_ACT_ERRNO ENOSYS'])
})

test('a name counts for that even when its rule says what the default says', () => {
  const profile = denying(rule(['read'], 'SCMP_ACT_ALLOW'), rule(['openat'], 'SCMP_ACT_ERRNO'))
  expect([ask(profile, 100), ask(profile, 300)]).toEqual(['SCMP_ACT_ERRNO EPERM', 'SCMP_ACT_ERRNO ENOSYS'])
})

test.each(['SCMP_ACT_ALLOW', 'SCMP_ACT_LOG', 'SCMP_ACT_TRACE', 'SCMP_ACT_NOTIFY'] as const)(
  'a newer call gets through where %s is the default',
  defaultAction => {
    expect(ask({ defaultAction, syscalls: [rule(['read'], 'SCMP_ACT_KILL')] }, 500)).toMatch(defaultAction)
  },
)

test('private calls of ARM do not count as new ones', () => {
  const profile = {
    ...denying(rule(['read', 'cacheflush', 'openat'], 'SCMP_ACT_ALLOW')),
    architectures: ['SCMP_ARCH_ARM'],
  }
  const numbers = [3, 322, 500, 0xf0001, 0xf0002, 0xf0003]
  expect(numbers.map(number => ask(profile as Seccomp, number, [], 0x40000028))).toEqual([
    ...['SCMP_ACT_ALLOW', 'SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO ENOSYS'],
    ...['SCMP_ACT_ERRNO EPERM', 'SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO EPERM'],
  ])
})

test('an architecture that is not listed is killed, also x32 behind the number of x86-64', () => {
  const profile: Seccomp = { defaultAction: 'SCMP_ACT_ALLOW' }
  expect(ask(profile, 0)).toBe('SCMP_ACT_ALLOW')
  expect(ask(profile, 0, [], 0x40000003)).toBe('SCMP_ACT_KILL')
  expect(ask(profile, 0x40000000)).toBe('SCMP_ACT_KILL')
  expect(ask(profile, 0xffffffff)).toBe('SCMP_ACT_ALLOW') // what a tracer writes to have a call skipped
  expect(ask({ ...profile, architectures: ['SCMP_ARCH_X32'] }, 0x40000000)).toBe('SCMP_ACT_ALLOW')
})

test('x32 has numbers of its own', () => {
  const profile: Seccomp = {
    ...denying(rule(['execve'], 'SCMP_ACT_ALLOW'), rule(['mseal'], 'SCMP_ACT_LOG')),
    architectures: ['SCMP_ARCH_X32'],
  }
  const answers = [59, 0x40000000 + 59, 0x40000000 + 520, 0x40000000 + 521].map(number => ask(profile, number))
  expect(answers).toEqual(['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO EPERM', 'SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO ENOSYS'])
})

test('a rule without conditions settles a call, whatever stands before it', () => {
  const args = [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' as const }]
  const profile = denying(
    rule(['read'], 'SCMP_ACT_TRAP', { args }),
    rule(['read'], 'SCMP_ACT_ALLOW'),
    rule(['read'], 'SCMP_ACT_LOG'),
  )
  expect(ask(profile, 0, [1])).toBe('SCMP_ACT_ALLOW')
})

test('all conditions of a rule have to hold, but two on one argument are alternatives', () => {
  const eq = (index: number, value: number) => ({ index, value, op: 'SCMP_CMP_EQ' as const })
  const both = denying(rule(['read', 'mseal'], 'SCMP_ACT_ALLOW', { args: [eq(0, 1), eq(1, 2)] }))
  const either = denying(rule(['read', 'mseal'], 'SCMP_ACT_ALLOW', { args: [eq(0, 1), eq(0, 2), eq(1, 3)] }))
  const allowed = (profile: Seccomp, ...args: number[]) => ask(profile, 0, args) === 'SCMP_ACT_ALLOW'
  expect([allowed(both, 1, 2), allowed(both, 1, 3), allowed(both, 3, 2)]).toEqual([true, false, false])
  expect([allowed(either, 1, 0), allowed(either, 2, 0), allowed(either, 0, 3), allowed(either, 0, 0)]).toEqual([
    true,
    true,
    true,
    false,
  ])
})

test.each([
  ['SCMP_CMP_NE', [true, false, true, true, true]],
  ['SCMP_CMP_LT', [true, false, false, true, false]],
  ['SCMP_CMP_LE', [true, true, false, true, false]],
  ['SCMP_CMP_EQ', [false, true, false, false, false]],
  ['SCMP_CMP_GE', [false, true, true, false, true]],
  ['SCMP_CMP_GT', [false, false, true, false, true]],
] as const)('%s compares all 64 bits without a sign', (op, expected) => {
  const value = 0x8000_0000_0000_0005n
  const profile = denying(
    rule(['read', 'mseal'], 'SCMP_ACT_ALLOW', { args: [{ index: 5, value: value as never, op }] }),
  )
  const seen = [value - 1n, value, value + 1n, 0x7fff_ffff_ffff_ffffn, ALL_BITS].map(
    argument => ask(profile, 0, [0, 0, 0, 0, 0, argument]) === 'SCMP_ACT_ALLOW',
  )
  expect(seen).toEqual(expected)
})

test('SCMP_CMP_MASKED_EQ compares what is behind the mask', () => {
  const masked = (value: bigint, valueTwo: bigint) =>
    denying(
      rule(['read', 'mseal'], 'SCMP_ACT_ALLOW', {
        args: [{ index: 0, value, valueTwo, op: 'SCMP_CMP_MASKED_EQ' }] as never,
      }),
    )
  const allowed = (profile: Seccomp, argument: bigint) => ask(profile, 0, [argument]) === 'SCMP_ACT_ALLOW'
  const profile = masked(0xf0_0000_00f0n, 0x10_0000_0020n)
  expect(allowed(profile, 0x10_0000_0020n)).toBe(true)
  expect(allowed(profile, 0xf1f_0000_0f2fn)).toBe(true)
  expect([0x20n, 0x10_0000_0000n, 0x20_0000_0020n].map(argument => allowed(profile, argument))).toEqual([
    false,
    false,
    false,
  ])
  expect([0n, 0x30n].map(argument => allowed(masked(0x10n, 0x20n), argument))).toEqual([false, false])
})

test('arguments of 32-bit calls are compared by their lower half', () => {
  const profile: Seccomp = {
    ...denying(rule(['read', 'mseal'], 'SCMP_ACT_ALLOW', { args: [{ index: 0, value: 5, op: 'SCMP_CMP_EQ' }] })),
    architectures: ['SCMP_ARCH_X86', 'SCMP_ARCH_S390'],
  }
  expect(ask(profile, 3, [0x1_0000_0005], 0x40000003)).toBe('SCMP_ACT_ALLOW')
  expect(ask(profile, 3, [0x1_0000_0005], 0x16)).toBe('SCMP_ACT_ALLOW')
  expect(ask(profile, 0, [0x1_0000_0005])).toBe('SCMP_ACT_ERRNO EPERM')
})

test('what is forbidden by name is forbidden behind socketcall and ipc too', () => {
  const profile: Seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: ['SCMP_ARCH_X86'],
    syscalls: [
      rule(['socket'], 'SCMP_ACT_ERRNO', { args: [{ index: 0, value: 16, op: 'SCMP_CMP_EQ' }] }),
      rule(['shmat'], 'SCMP_ACT_TRAP'),
    ],
  }
  const calls = [
    [102, 1],
    [102, 2],
    [117, 21],
    [117, 0x10015],
    [117, 22],
  ] as const
  expect(calls.map(([number, first]) => ask(profile, number, [first], 0x40000003))).toEqual([
    ...['SCMP_ACT_ERRNO EPERM', 'SCMP_ACT_ALLOW', 'SCMP_ACT_TRAP', 'SCMP_ACT_TRAP', 'SCMP_ACT_ALLOW'],
  ])
})

test('what is allowed on conditions is not allowed where they can not be seen', () => {
  const args = [{ index: 0, value: 1, op: 'SCMP_CMP_EQ' as const }]
  const profile: Seccomp = {
    ...denying(rule(['socket', 'mseal'], 'SCMP_ACT_ALLOW', { args }), rule(['bind'], 'SCMP_ACT_ALLOW')),
    architectures: ['SCMP_ARCH_X86'],
  }
  expect([1, 2].map(first => ask(profile, 102, [first], 0x40000003))).toEqual([
    'SCMP_ACT_ERRNO EPERM',
    'SCMP_ACT_ALLOW',
  ])
})

test('jumps that are too far for a comparison are made in two', () => {
  const names = architectures.SCMP_ARCH_X86_64.calls.split(' ').filter(word => !/^\d/.test(word))
  const syscalls = names.map((name, errnoRet) => rule([name], 'SCMP_ACT_ERRNO', { errnoRet: errnoRet + 1000 }))
  const program = compile({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }, 'SCMP_ARCH_X86_64')
  expect(disassemble(program)).toContain('goto ')
  let number = -1
  const expected = architectures.SCMP_ARCH_X86_64.calls.split(' ').flatMap(word => {
    number = /^\d/.test(word) ? Number(word) - 1 : number + 1
    return /^\d/.test(word) ? [] : [[number, 0x50000 + 1000 + names.indexOf(word)]]
  })
  const answers = expected.map(([call]) => [call, interpret(program, { audit: X86_64, number: call! }).value])
  expect(answers).toEqual(expected)
})

test.skipIf(!existsSync(INSTALLED))('podman’s default profile is small, and short for common calls', () => {
  const profile = podmanProfile(readFileSync(INSTALLED, 'utf8'))
  const program = compile(profile, 'SCMP_ARCH_X86_64')
  expect(program.length / 8).toBeLessThan(400)
  for (const number of [0, 1, 257, 202]) {
    const { value, executed } = interpret(program, { audit: X86_64, number })
    expect([number, answerText(value)]).toEqual([number, 'SCMP_ACT_ALLOW'])
    expect(executed).toBeLessThanOrEqual(12)
  }
})

test('every architecture of the specification can be compiled and told apart', () => {
  const names = Object.keys(architectures) as SeccompArch[]
  const profile = { ...denying(rule(['read', 'mseal', 'openat'], 'SCMP_ACT_ALLOW')), architectures: names }
  expect(compile(profile, 'SCMP_ARCH_X86_64').length / 8).toBeLessThan(400)
  expect(ask(profile, 4003, [], 0x40000008)).toBe('SCMP_ACT_ALLOW')
  expect(ask(profile, 5000, [], 0x80000008)).toBe('SCMP_ACT_ALLOW')
  expect(ask(profile, 6000, [], 0xe0000008)).toBe('SCMP_ACT_ALLOW')
  expect(ask(profile, 63, [], 0xc00000f3)).toBe('SCMP_ACT_ALLOW')
  expect(ask(profile, 3, [], 0x80000016)).toBe('SCMP_ACT_ALLOW')
})
