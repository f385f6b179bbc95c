import type { Seccomp, SeccompArg, SeccompOperator, SeccompRule } from '../../../spec/generated/config.ts'
import { answer } from './actions.ts'

/** 64 bits as two unsigned halves. */
export interface Word {
  readonly high: number
  readonly low: number
}

/** What has to hold of one argument of a call. */
export interface Condition {
  /** Which argument, from 0 on. */
  readonly index: number
  readonly op: SeccompOperator
  /** What to compare with; the mask of SCMP_CMP_MASKED_EQ. */
  readonly value: Word
  /** The value behind the mask of SCMP_CMP_MASKED_EQ. */
  readonly second: Word
}

/** What is answered to a call when all conditions hold. */
export interface Rule {
  /** What the filter returns. */
  readonly answer: number
  readonly conditions: readonly Condition[]
  /** Where in config.json it stands. */
  readonly pointer: string
}

/**
 * What a profile says about one call. A rule without conditions settles it, whatever others say; otherwise the first rule
 * whose conditions hold counts, and if there is none, the default. This is what libseccomp makes of a profile.
 */
export interface Decision {
  readonly always: Rule | undefined
  readonly rules: readonly Rule[]
}

/** Reads the rules of a profile: decisions by the names of calls. Those that answer what the default answers anyway say nothing, as in all runtimes. */
export function readProfile(profile: Seccomp): Map<string, Decision> {
  const unnamed = answer(profile.defaultAction, profile.defaultErrnoRet)
  const decisions = new Map<string, Decision>()
  for (const [index, rule] of (profile.syscalls ?? []).entries()) {
    const read = readRule(rule, `/linux/seccomp/syscalls/${index}`)
    if (read[0]!.answer !== unnamed) for (const part of read) addRule(decisions, rule.names, part)
  }
  return decisions
}

/** Names with the same past get the same new decision, so that it is compiled once. */
function addRule(decisions: Map<string, Decision>, names: readonly string[], rule: Rule): void {
  const settled: Decision = { always: rule, rules: [] }
  const extended = new Map<Decision | undefined, Decision>()
  for (const name of names) {
    const before = decisions.get(name)
    if (before?.always !== undefined) continue
    let after = settled
    if (rule.conditions.length > 0) {
      after = extended.get(before) ?? { always: undefined, rules: [...(before?.rules ?? []), rule] }
      extended.set(before, after)
    }
    decisions.set(name, after)
  }
}

/** All conditions of a rule have to hold; but if two are about the same argument, each makes a rule of its own, as in docker. */
function readRule({ action, errnoRet, args = [] }: SeccompRule, pointer: string): Rule[] {
  const conditions = args.map(readCondition)
  const own = { answer: answer(action, errnoRet), pointer }
  const indexes = new Set(conditions.map(({ index }) => index))
  return indexes.size === conditions.length
    ? [{ ...own, conditions }]
    : conditions.map(condition => ({ ...own, conditions: [condition] }))
}

function readCondition({ index, op, value, valueTwo = 0 }: SeccompArg): Condition {
  return { index, op, value: word(value), second: word(valueTwo) }
}

/** An unsigned 64-bit integer in halves. */
export function word(value: number | bigint): Word {
  if (typeof value === 'bigint') return { high: Number(value >> 32n), low: Number(value & 0xffff_ffffn) }
  return { high: Math.floor(value / 0x1_0000_0000), low: value >>> 0 }
}
