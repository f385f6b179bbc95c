// For random profiles and random calls the program answers what a plain reading of the profile says.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Seccomp, SeccompArch, SeccompArg, SeccompRule } from '../../../spec/generated/config.ts'
import { compile } from './compile.ts'
import { interpret } from './interpreter.ts'

// Numbers by hand, from the kernel's tables, for calls that are spread over them.
const NUMBERS = {
  SCMP_ARCH_X86_64: { read: 0, socket: 41, clone: 56, personality: 135, futex: 202, openat: 257, clone3: 435 },
  SCMP_ARCH_X86: { read: 3, clone: 120, personality: 136, futex: 240, openat: 295, socket: 359, clone3: 435 },
  SCMP_ARCH_AARCH64: { openat: 56, read: 63, personality: 92, futex: 98, socket: 198, clone: 220, clone3: 435 },
  SCMP_ARCH_MIPS64: {
    read: 5000,
    socket: 5040,
    clone: 5055,
    personality: 5132,
    futex: 5194,
    openat: 5247,
    clone3: 5435,
  },
  SCMP_ARCH_RISCV64: { openat: 56, read: 63, personality: 92, futex: 98, socket: 198, clone: 220, clone3: 435 },
} as const
const X32 = { read: 0, socket: 41, clone: 56, personality: 135, futex: 202, openat: 257, clone3: 435 }
const AUDIT = {
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_MIPS64: 0x80000008,
  SCMP_ARCH_RISCV64: 0xc00000f3,
} as const
type Arch = keyof typeof NUMBERS
const NARROW: readonly string[] = ['SCMP_ARCH_X86', 'SCMP_ARCH_X32']
const NAMES = ['read', 'socket', 'clone', 'personality', 'futex', 'openat', 'clone3', 'no_such_call']

const RETURNS = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: 0x50000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
} as const
const TAKES_ERRNO: readonly string[] = ['SCMP_ACT_ERRNO', 'SCMP_ACT_TRACE']

function returned(action: keyof typeof RETURNS, errno = 1): number {
  return RETURNS[action] + (TAKES_ERRNO.includes(action) ? errno : 0)
}

function holds({ index, op, value, valueTwo = 0 }: SeccompArg, args: readonly bigint[], narrow: boolean): boolean {
  const cut = (number: number | bigint) => (narrow ? BigInt(number) & 0xffff_ffffn : BigInt(number))
  const [a, b, two] = [cut(args[index]!), cut(value), cut(valueTwo)]
  if (op === 'SCMP_CMP_NE') return a !== b
  if (op === 'SCMP_CMP_LT') return a < b
  if (op === 'SCMP_CMP_LE') return a <= b
  if (op === 'SCMP_CMP_EQ') return a === b
  if (op === 'SCMP_CMP_GE') return a >= b
  if (op === 'SCMP_CMP_GT') return a > b
  return (a & b) === two
}

function fits({ args = [] }: SeccompRule, values: readonly bigint[], narrow: boolean): boolean {
  const repeated = new Set(args.map(({ index }) => index)).size < args.length
  const results = args.map(arg => holds(arg, values, narrow))
  return repeated ? results.some(Boolean) : results.every(Boolean)
}

/** What the profile says, read from top to bottom. */
function read(
  profile: Seccomp,
  arch: SeccompArch,
  name: string | undefined,
  number: number,
  args: readonly bigint[],
): number {
  const unnamed = returned(profile.defaultAction, profile.defaultErrnoRet)
  const rules = (profile.syscalls ?? []).filter(rule => name !== undefined && rule.names.includes(name))
  const telling = rules.filter(rule => returned(rule.action, rule.errnoRet) !== unnamed)
  const rule =
    telling.find(({ args: list }) => !list?.length) ??
    telling.find(candidate => fits(candidate, args, NARROW.includes(arch)))
  if (rule) return returned(rule.action, rule.errnoRet)
  const closed = !['ALLOW', 'LOG', 'TRACE', 'NOTIFY'].some(word => profile.defaultAction === `SCMP_ACT_${word}`)
  const named = Object.entries(arch === 'SCMP_ARCH_X32' ? X32 : NUMBERS[arch as Arch])
    .filter(([call]) => profile.syscalls?.some(({ names }) => names.includes(call)))
    .map(([, its]) => its)
  const newest = named.length > 0 ? Math.max(...named) : Infinity
  return closed && number > newest ? 0x50000 + 38 : unnamed
}

const word = fc.oneof(
  fc.constantFrom(0n, 1n, 8n, 0xffff_ffffn, 0x1_0000_0000n, 0x1_0000_0001n, 0xffff_ffff_0000_0000n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: 0n, max: 20n }),
)
const number = word.map(value => (value < 2n ** 53n ? Number(value) : value))
const op = fc
  .constantFrom(...(['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'] as const))
  .map(o => `SCMP_CMP_${o}` as const)
const arg: fc.Arbitrary<SeccompArg> = fc.oneof(
  fc.record({ index: fc.nat(5), op, value: number, valueTwo: number }),
  fc.record({ index: fc.nat(1), op, value: number }),
  fc
    .tuple(word, word)
    .map(([mask, value]) => ({ index: 0, op: 'SCMP_CMP_MASKED_EQ' as const, value: mask, valueTwo: mask & value })),
)
const action = fc.constantFrom(...(Object.keys(RETURNS) as (keyof typeof RETURNS)[]))
const errno = (name: string, max: number) =>
  TAKES_ERRNO.includes(name) ? fc.option(fc.nat(max), { nil: undefined }) : fc.constant(undefined)
const rule = action.chain(chosen =>
  fc
    .record({
      names: fc.subarray(NAMES, { minLength: 1 }),
      args: fc.option(fc.array(arg, { maxLength: 4 }), { nil: undefined }),
      errnoRet: errno(chosen, 4095),
    })
    .map(rest => ({ action: chosen, ...rest }) as SeccompRule),
)
const profile = action.chain(chosen =>
  fc
    .record({
      architectures: fc.subarray(['SCMP_ARCH_X32', ...Object.keys(NUMBERS)] as SeccompArch[]),
      syscalls: fc.array(rule, { maxLength: 12 }),
      defaultErrnoRet: errno(chosen, 4095),
    })
    .map(rest => ({ defaultAction: chosen, ...rest }) as Seccomp),
)
const call = fc.record({
  arch: fc.constantFrom(...(Object.keys(NUMBERS) as Arch[])),
  x32: fc.boolean(),
  name: fc.constantFrom(...NAMES.slice(0, 7), undefined),
  /** Not socketcall(2) of x86, which stands for `socket`: compile.test.ts. */
  other: fc.oneof(
    fc.nat(600).filter(other => other !== 102),
    fc.constantFrom(4999, 5200, 100_000, 0x3fff_ffff),
  ),
  /** Near what the profile compares with, so that all sides of a condition are seen. */
  args: fc.array(fc.tuple(fc.nat(50), fc.constantFrom(-1n, 0n, 1n, 0x1_0000_0000n), word), {
    minLength: 6,
    maxLength: 6,
  }),
})

function valuesNear({ syscalls }: Seccomp, args: readonly [number, bigint, bigint][]): bigint[] {
  const values = (syscalls ?? [])
    .flatMap(({ args: list }) => list ?? [])
    .flatMap(a => [BigInt(a.value), BigInt(a.valueTwo ?? 0)])
  return args.map(([at, away, free]) => {
    const near = values[at]
    return near === undefined ? free : BigInt.asUintN(64, near + away)
  })
}

test('the program answers what the profile says', () => {
  fc.assert(
    fc.property(profile, fc.array(call, { minLength: 20, maxLength: 40 }), (seccomp, calls) => {
      const native = 'SCMP_ARCH_X86_64'
      const program = compile(seccomp, native)
      const listed = new Set<SeccompArch>([native, ...(seccomp.architectures ?? [])])
      for (const { arch, x32, name, other, args } of calls) {
        const isX32 = arch === 'SCMP_ARCH_X86_64' && x32
        const table: Record<string, number> = isX32 ? X32 : NUMBERS[arch]
        const known = name !== undefined && name in table
        const plain = known ? table[name]! : other
        // A number that belongs to a call of the list is that call.
        const meant = Object.keys(table).find(candidate => table[candidate] === plain)
        const values = valuesNear(seccomp, args)
        const where = isX32 ? 'SCMP_ARCH_X32' : arch
        const expected = listed.has(where) ? read(seccomp, where, meant, plain, values) : 0
        const data = { audit: AUDIT[arch], number: isX32 ? 0x40000000 + plain : plain, args: values }
        const { value } = interpret(program, data, arch === 'SCMP_ARCH_MIPS64' ? 'big' : 'little')
        expect([where, data, value]).toEqual([where, data, expected])
      }
    }),
    { numRuns: 400 },
  )
}, 60_000)
