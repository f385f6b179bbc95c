// Mistakes in profiles that no runtime refuses: what is written there and has no effect, or another than it looks.

import {
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_USER_NOTIF,
} from '../../../native/abi/seccomp.ts'
import type { Seccomp, SeccompRule } from '../../../spec/generated/config.ts'
import { nearest } from '../../config/nearest.ts'
import { actions, answer } from '../../plan/seccomp/actions.ts'
import { architectures, nativeArchitecture } from '../../plan/seccomp/architectures.ts'
import { compile } from '../../plan/seccomp/compile.ts'
import { answerText } from '../../plan/seccomp/disassemble.ts'
import { interpret } from '../../plan/seccomp/interpreter.ts'
import { knownCalls } from '../../plan/seccomp/plan.ts'
import { type Finding, finding } from '../finding.ts'
import { callsOf } from './calls.ts'
import { pointerArguments } from './pointers.ts'

type Native = keyof typeof nativeArchitecture
type Lint = (profile: Seccomp, native: Native) => Iterable<Finding>

const LINTS: readonly Lint[] = [
  namesAreKnown,
  rulesHaveEffect,
  rulesAreReached,
  conditionsCanHold,
  conditionsAreNotAboutPointers,
  programsCanStart,
  dangerIsListed,
  waysAroundAreListed,
  errnosAreErrors,
  architecturesAreListed,
]

/** Pointers are those of the profile, `/syscalls/3`. */
export function lintSeccomp(profile: Seccomp, native: Native): Finding[] {
  return LINTS.flatMap(lint => [...lint(profile, native)])
}

function* namesAreKnown({ syscalls = [] }: Seccomp): Iterable<Finding> {
  const known = knownCalls()
  const seen = new Set<string>()
  for (const [rule, { names }] of syscalls.entries())
    for (const [at, name] of names.entries()) {
      if (known.has(name) || seen.has(name)) continue
      seen.add(name)
      const meant = nearest(name, [...known])
      const hint = meant === undefined ? undefined : `did you mean \`${meant}\`?`
      const message = `no system call is called ${JSON.stringify(name)}, so this has no effect`
      yield finding('warning', `/syscalls/${rule}/names/${at}`, message, hint)
    }
}

/** What a rule answers in terms that can be compared. */
function answerOf({ action, errnoRet }: SeccompRule): number {
  return answer(action, errnoRet)
}

function* rulesHaveEffect({ defaultAction, defaultErrnoRet, syscalls = [] }: Seccomp): Iterable<Finding> {
  const unnamed = answer(defaultAction, defaultErrnoRet)
  for (const [rule, entry] of syscalls.entries()) {
    if (entry.names.length === 0)
      yield finding('warning', `/syscalls/${rule}/names`, 'is empty, so the rule has no effect')
    if (answerOf(entry) !== unnamed) continue
    const message = `answers ${answerText(unnamed)}, as the default does, so the rule has no effect`
    const hint =
      (entry.args?.length ?? 0) > 0
        ? 'it does not take exceptions out of other rules, which count all the same'
        : undefined
    yield finding(hint === undefined ? 'note' : 'warning', `/syscalls/${rule}`, message, hint)
  }
}

/** A rule without conditions settles a call whatever others say, before and after it. */
function* rulesAreReached(profile: Seccomp): Iterable<Finding> {
  const { syscalls = [] } = profile
  const unnamed = answer(profile.defaultAction, profile.defaultErrnoRet)
  const counted = [...syscalls.entries()].filter(([, entry]) => answerOf(entry) !== unnamed)
  const settled = new Map<string, number>()
  for (const [rule, { names, args = [] }] of counted)
    if (args.length === 0) for (const name of names) if (!settled.has(name)) settled.set(name, rule)
  const conditional = new Map<string, number>()
  for (const [rule, entry] of counted) {
    const lost = new Map<number, string[]>()
    const twice: string[] = []
    const conditions = JSON.stringify(entry.args ?? [], (_, value) => (typeof value === 'bigint' ? `${value}` : value))
    for (const [at, name] of entry.names.entries()) {
      if (entry.names.indexOf(name) !== at) twice.push(name)
      const by = settled.get(name)
      const key = `${name} ${conditions}`
      const same = (entry.args?.length ?? 0) > 0 ? conditional.get(key) : undefined
      if (!conditional.has(key)) conditional.set(key, rule)
      const winner = by !== undefined && by !== rule ? by : by === undefined && same !== rule ? same : undefined
      if (winner !== undefined) lost.set(winner, [...(lost.get(winner) ?? []), name])
    }
    if (twice.length > 0) yield finding('note', `/syscalls/${rule}/names`, `${quoted(twice)} ${be(twice)} listed twice`)
    for (const [winner, names] of lost) yield unreached(syscalls, rule, winner, names)
  }
}

function unreached(syscalls: readonly SeccompRule[], rule: number, winner: number, names: readonly string[]): Finding {
  const entry = syscalls[rule]!
  const whole = names.length === entry.names.length
  const settles = (syscalls[winner]!.args?.length ?? 0) === 0
  const what = whole ? 'the rule never counts' : `never counts for ${quoted(names)}`
  const why = settles
    ? `/syscalls/${winner} settles that without conditions`
    : `/syscalls/${winner} has the same conditions`
  const same = answerOf(entry) === answerOf(syscalls[winner]!)
  const hint = same
    ? undefined
    : `that answers ${answerText(answerOf(syscalls[winner]!))}, this ${answerText(answerOf(entry))}`
  return finding(same ? 'note' : 'warning', `/syscalls/${rule}`, `${what}: ${why}`, hint)
}

const LARGEST = 2n ** 64n - 1n

function* conditionsCanHold({ syscalls = [] }: Seccomp): Iterable<Finding> {
  for (const [rule, { args = [] }] of syscalls.entries()) {
    const indexes = args.map(({ index }) => index)
    if (new Set(indexes).size < indexes.length)
      yield finding(
        'warning',
        `/syscalls/${rule}/args`,
        'two conditions about the same argument: each counts for itself, and one that holds is enough',
        'write a mask, or the opposite condition in a rule of its own',
      )
    for (const [at, { index, op, value, valueTwo = 0 }] of args.entries()) {
      const pointer = `/syscalls/${rule}/args/${at}`
      const [one, two] = [BigInt(value), BigInt(valueTwo)]
      const never =
        (op === 'SCMP_CMP_LT' && one === 0n) ||
        (op === 'SCMP_CMP_GT' && one === LARGEST) ||
        (op === 'SCMP_CMP_MASKED_EQ' && (two & ~one) !== 0n)
      const always =
        (op === 'SCMP_CMP_GE' && one === 0n) ||
        (op === 'SCMP_CMP_LE' && one === LARGEST) ||
        (op === 'SCMP_CMP_MASKED_EQ' && one === 0n && two === 0n)
      if (never) yield finding('warning', pointer, `can never hold for argument ${index}`, whyNever(op))
      if (always) yield finding('warning', pointer, `holds for every argument ${index}`)
      if (op !== 'SCMP_CMP_MASKED_EQ' && two !== 0n)
        yield finding('note', `${pointer}/valueTwo`, 'has no effect, only SCMP_CMP_MASKED_EQ looks at it')
    }
  }
}

function whyNever(op: string): string | undefined {
  return op === 'SCMP_CMP_MASKED_EQ' ? 'valueTwo has bits that value, the mask, does not have' : undefined
}

function* conditionsAreNotAboutPointers({ syscalls = [] }: Seccomp): Iterable<Finding> {
  for (const [rule, { names, args = [] }] of syscalls.entries())
    for (const [at, { index }] of args.entries()) {
      const wrong = names.filter(name => pointerArguments[name]?.includes(index))
      if (wrong.length === 0) continue
      const message = `argument ${index} of ${quoted(wrong)} is an address, and a filter can not see what is there`
      yield finding('warning', `/syscalls/${rule}/args/${at}/index`, message, 'any program can choose the address')
    }
}

/** Does the filter let this through, or ask somebody? */
function passes(value: number): boolean {
  const [action, open] = [
    (value & 0xffff_0000) >>> 0,
    [SECCOMP_RET_ALLOW, SECCOMP_RET_LOG, SECCOMP_RET_USER_NOTIF, SECCOMP_RET_TRACE],
  ]
  return open.some(one => one >>> 0 === action)
}

/** The filter is there before the program is. */
const FIRST = ['execve', 'exit_group', 'brk', 'mmap', 'read', 'write', 'close'] as const

function* programsCanStart(profile: Seccomp, native: Native): Iterable<Finding> {
  const arch = nativeArchitecture[native]
  const program = compile(profile, arch)
  const calls = callsOf(arch)
  const ask = (name: string) => {
    const number = calls.get(name)
    if (number === undefined) return SECCOMP_RET_ALLOW
    return interpret(program, { audit: architectures[arch].audit, number }).value
  }
  for (const name of FIRST) {
    const value = ask(name)
    if (passes(value)) continue
    const fatal = name === 'execve'
    const message = fatal
      ? `\`execve\` gets ${answerText(value)}, so the container's program can not start`
      : `\`${name}\` gets ${answerText(value)}, and hardly any program does without`
    yield finding(fatal ? 'error' : 'warning', '/syscalls', message, 'add a rule that allows it')
  }
}

/** What no engine lets an ordinary container do. */
const DANGEROUS = [
  'acct',
  'add_key',
  'bpf',
  'clock_settime',
  'delete_module',
  'finit_module',
  'fsopen',
  'init_module',
  'io_uring_setup',
  'ioperm',
  'iopl',
  'kexec_file_load',
  'kexec_load',
  'keyctl',
  'mount',
  'move_mount',
  'open_by_handle_at',
  'open_tree',
  'perf_event_open',
  'pivot_root',
  'process_vm_writev',
  'ptrace',
  'reboot',
  'request_key',
  'setns',
  'settimeofday',
  'swapoff',
  'swapon',
  'umount2',
  'unshare',
  'userfaultfd',
]

function* dangerIsListed({ defaultAction, syscalls = [] }: Seccomp): Iterable<Finding> {
  if (defaultAction !== 'SCMP_ACT_ALLOW' && defaultAction !== 'SCMP_ACT_LOG') return
  const listed = new Set(syscalls.filter(({ action }) => !isOpen(action)).flatMap(({ names }) => names))
  const open = DANGEROUS.filter(name => !listed.has(name))
  if (open.length === 0) return
  const message = `lets through what is not listed, and with it ${quoted(open)}`
  yield finding('warning', '/defaultAction', message, 'list what is allowed and refuse the rest: kernels get new calls')
}

function isOpen(action: SeccompRule['action']): boolean {
  return actions[action].open === true
}

/** Calls that do what others do: who refuses the first and not the second has refused nothing. */
const WAYS_AROUND: readonly (readonly [string, ...string[]])[] = [
  ['open', 'openat', 'openat2'],
  ['openat', 'openat2'],
  ['execve', 'execveat'],
  ['chmod', 'fchmodat', 'fchmodat2'],
  ['fchmodat', 'fchmodat2'],
  ['mount', 'fsopen', 'move_mount'],
  ['clone', 'clone3'],
  ['unshare', 'clone', 'clone3'],
  ['init_module', 'finit_module'],
  ['kexec_load', 'kexec_file_load'],
  ['ptrace', 'process_vm_writev'],
  ['socket', 'io_uring_setup'],
  ['connect', 'io_uring_setup'],
  ['kill', 'tgkill', 'tkill', 'pidfd_send_signal'],
  ['rename', 'renameat', 'renameat2'],
  ['unlink', 'unlinkat'],
  ['mkdir', 'mkdirat'],
  ['mknod', 'mknodat'],
  ['setns', 'unshare'],
]

/** Of calls that are refused, as a whole or by their arguments, while another way stays open. */
function* waysAroundAreListed(profile: Seccomp): Iterable<Finding> {
  const { defaultAction, syscalls = [] } = profile
  const ruleFor = (name: string, refuses: boolean) =>
    syscalls.findIndex(({ names, action }) => names.includes(name) && isOpen(action) !== refuses)
  for (const [name, ...others] of WAYS_AROUND) {
    const rule = ruleFor(name, true)
    if (isOpen(defaultAction) && rule >= 0) {
      const open = others.filter(other => ruleFor(other, true) < 0)
      if (open.length > 0) yield wayAround(rule, name, open)
    }
    // Allowed with conditions only, and the other without any.
    const allowed = syscalls.findIndex(
      ({ names, action, args }) => names.includes(name) && isOpen(action) && args?.length,
    )
    const free = syscalls.some(({ names, action, args }) => names.includes(name) && isOpen(action) && !args?.length)
    if (isOpen(defaultAction) || allowed < 0 || free) continue
    const open = others.filter(other =>
      syscalls.some(({ names, action, args }) => names.includes(other) && isOpen(action) && !args?.length),
    )
    if (open.length > 0) yield wayAround(allowed, name, open)
  }
}

function wayAround(rule: number, name: string, open: readonly string[]): Finding {
  const message = `limits \`${name}\`, but ${quoted(open)} ${be(open)} open and ${open.length === 1 ? 'does' : 'do'} the same`
  const hint = open.includes('clone3')
    ? 'answer clone3 with ENOSYS: programs fall back to clone, whose flags can be seen'
    : undefined
  return finding('warning', `/syscalls/${rule}`, message, hint)
}

function* errnosAreErrors({ defaultErrnoRet, defaultAction, syscalls = [] }: Seccomp): Iterable<Finding> {
  const message = 'is 0: the call seems to succeed and nothing is done'
  if (defaultAction === 'SCMP_ACT_ERRNO' && defaultErrnoRet === 0) yield finding('warning', '/defaultErrnoRet', message)
  for (const [rule, { action, errnoRet }] of syscalls.entries())
    if (action === 'SCMP_ACT_ERRNO' && errnoRet === 0) yield finding('note', `/syscalls/${rule}/errnoRet`, message)
}

/** What a processor executes besides its own, and what its programs get when the profile does not list that. */
const BESIDE: Readonly<Record<Native, readonly (keyof typeof architectures)[]>> = {
  x86_64: ['SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  aarch64: ['SCMP_ARCH_ARM'],
}

function* architecturesAreListed({ architectures: listed }: Seccomp, native: Native): Iterable<Finding> {
  const own = nativeArchitecture[native]
  if (listed?.length && !listed.includes(own))
    yield finding('warning', '/architectures', `does not list ${own}, which this host is; it is added`)
  const missing = BESIDE[native].filter(arch => !listed?.includes(arch))
  if (missing.length > 0)
    yield finding(
      'note',
      '/architectures',
      `programs for ${missing.join(' and ')} are killed at their first system call`,
    )
}

function quoted(names: readonly string[]): string {
  return names.map(name => `\`${name}\``).join(', ')
}

function be(names: readonly string[]): string {
  return names.length === 1 ? 'is' : 'are'
}
