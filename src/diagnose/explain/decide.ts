import type { SeccompArch } from '../../../spec/generated/config.ts'
import { type FilterArchitecture, architectures } from '../../plan/seccomp/architectures.ts'
import type { Condition, Decision, Rule, Word } from '../../plan/seccomp/profile.ts'

/** A condition as it stands before one call. */
export interface Judged {
  readonly condition: Condition
  readonly argument: bigint
  readonly holds: boolean
}

/** A rule that was looked at, and whether all of its conditions hold. */
export interface Look {
  readonly rule: Rule
  readonly judged: readonly Judged[]
  readonly matches: boolean
}

/** The rules of a decision in the order in which the filter looks at them, up to the one that matches. */
export function looks(decision: Decision, args: readonly bigint[], arch: SeccompArch): Look[] {
  if (decision.always !== undefined) return [{ rule: decision.always, judged: [], matches: true }]
  const found: Look[] = []
  for (const rule of decision.rules) {
    const judged = rule.conditions.map(condition => judge(condition, args, architectures[arch]))
    const matches = judged.every(({ holds }) => holds)
    found.push({ rule, judged, matches })
    if (matches) break
  }
  return found
}

export function wide({ high, low }: Word): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)
}

/** Of a narrow argument only the lower half counts, on both sides. */
function judge(condition: Condition, args: readonly bigint[], { bits }: FilterArchitecture): Judged {
  const cut = (value: bigint) => (bits === 32 ? value & 0xffff_ffffn : value)
  const argument = cut(args[condition.index] ?? 0n)
  const [value, second] = [cut(wide(condition.value)), cut(wide(condition.second))]
  return { condition, argument, holds: comparisons[condition.op](argument, value, second) }
}

const comparisons: Readonly<Record<Condition['op'], (a: bigint, value: bigint, second: bigint) => boolean>> = {
  SCMP_CMP_NE: (a, value) => a !== value,
  SCMP_CMP_LT: (a, value) => a < value,
  SCMP_CMP_LE: (a, value) => a <= value,
  SCMP_CMP_EQ: (a, value) => a === value,
  SCMP_CMP_GE: (a, value) => a >= value,
  SCMP_CMP_GT: (a, value) => a > value,
  SCMP_CMP_MASKED_EQ: (a, mask, value) => (a & mask) === value,
}

const symbols: Readonly<Record<Condition['op'], string>> = {
  SCMP_CMP_NE: '!=',
  SCMP_CMP_LT: '<',
  SCMP_CMP_LE: '<=',
  SCMP_CMP_EQ: '==',
  SCMP_CMP_GE: '>=',
  SCMP_CMP_GT: '>',
  SCMP_CMP_MASKED_EQ: '&',
}

/** A condition as people write one: `argument 0 & 0x7e020000 == 0x0`. */
export function conditionText({ index, op, value, second }: Condition): string {
  const compared = `argument ${index} ${symbols[op]} ${hex(wide(value))}`
  return op === 'SCMP_CMP_MASKED_EQ' ? `${compared} == ${hex(wide(second))}` : compared
}

export function hex(value: bigint): string {
  return `0x${value.toString(16)}`
}
