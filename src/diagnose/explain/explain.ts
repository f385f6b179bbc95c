import { ENOSYS } from '../../../native/abi/errno.ts'
import { SECCOMP_RET_ERRNO } from '../../../native/abi/seccomp.ts'
import type { Seccomp, SeccompArch } from '../../../spec/generated/config.ts'
import { actions, answer } from '../../plan/seccomp/actions.ts'
import { architectures } from '../../plan/seccomp/architectures.ts'
import { INSTRUCTION_SIZE } from '../../plan/seccomp/assemble.ts'
import { answerText } from '../../plan/seccomp/disassemble.ts'
import { interpret } from '../../plan/seccomp/interpreter.ts'
import { demultiplex, multiplexers } from '../../plan/seccomp/multiplexed.ts'
import { type Decision, readProfile } from '../../plan/seccomp/profile.ts'
import { callsOf } from './calls.ts'
import { conditionText, hex, type Look, looks } from './decide.ts'

/** A filter and what it was made of. */
export interface Filter {
  readonly profile: Seccomp
  readonly program: Uint8Array
  /** The architectures that it knows, the native one first. */
  readonly listed: readonly SeccompArch[]
}

/** A system call to ask about. */
export interface Question {
  /** Its name, or its number. */
  readonly name: string
  readonly args: readonly bigint[]
}

/** What a filter answers to a call, and why. */
export interface Explanation {
  readonly architecture: SeccompArch
  readonly name: string
  /** As the kernel has it on this architecture; undefined where there is no such call. */
  readonly number: number | undefined
  readonly args: readonly string[]
  /** In the words of profiles, `SCMP_ACT_ERRNO EPERM`. */
  readonly answer: string | undefined
  /** The rule that decides: a JSON pointer into the profile; undefined when it is none of them. */
  readonly pointer: string | undefined
  readonly reason: string
  /** What was looked at on the way: rules and their conditions, in sentences. */
  readonly steps: readonly string[]
  /** How many instructions the filter takes for it, of how many. */
  readonly executed: number
  readonly size: number
}

/** Asks the filter itself for the answer, and the profile for the reason. */
export function explain(filter: Filter, question: Question, architecture: SeccompArch): Explanation {
  const { program, profile } = filter
  const calls = callsOf(architecture)
  const number = /^\d/.test(question.name) ? Number(question.name) : calls.get(question.name)
  const name = calls.has(question.name) ? question.name : nameOf(calls, number)
  const args = question.args.map(hex)
  const size = program.length / INSTRUCTION_SIZE
  if (number === undefined) return unheardOf(question, architecture, args, size)
  const { audit, endian } = architectures[architecture]
  // The program is for this machine, whatever the order of bytes of the architecture that it is asked about.
  const { value, executed } = interpret(program, { audit, number, args: question.args }, endian)
  const found = {
    architecture,
    name: name ?? `call ${number}`,
    number,
    args,
    answer: answerText(value),
    executed,
    size,
  }
  // Of two names for one number the first counts.
  const decision = decisionsOf(profile).get(nameOf(calls, number) ?? '')
  return { ...found, ...why(filter, architecture, decision, question.args, value, number) }
}

type Why = Pick<Explanation, 'pointer' | 'reason' | 'steps'>

function why(
  { profile, listed }: Filter,
  architecture: SeccompArch,
  decision: Decision | undefined,
  args: readonly bigint[],
  value: number,
  number: number,
): Why {
  if (!listed.includes(architecture))
    return { pointer: undefined, steps: [], reason: 'the profile does not list the architecture' }
  const looked = decision === undefined ? [] : looks(decision, args, architecture)
  const steps = looked.flatMap(lookTexts)
  const last = looked.at(-1)
  if (last?.matches) return { pointer: last.rule.pointer, steps, reason: reasonOf(decision!, last) }
  const unnamed = answer(profile.defaultAction, profile.defaultErrnoRet)
  const isNewer = decision === undefined && value !== unnamed && value === SECCOMP_RET_ERRNO + ENOSYS
  if (isNewer && !actions[profile.defaultAction].open)
    return { pointer: undefined, steps, reason: `call ${number} is newer than all that the profile names` }
  const reason =
    decision === undefined ? 'no rule names it, so the default counts' : 'no rule fits, so the default counts'
  return { pointer: '/linux/seccomp/defaultAction', steps, reason }
}

function reasonOf(decision: Decision, { rule }: Look): string {
  if (decision.always !== undefined) return 'this rule has no conditions, so it settles the matter'
  return rule.conditions.length === 1 ? 'its condition holds' : 'all of its conditions hold'
}

function lookTexts({ rule, judged }: Look): string[] {
  return judged.map(
    ({ condition, argument, holds }) =>
      `${rule.pointer}: ${conditionText(condition)} ${holds ? 'holds' : 'does not hold'} for ${hex(argument)}`,
  )
}

/** What stands behind a multiplexer on one architecture is a call of its own on another. */
function unheardOf({ name }: Question, architecture: SeccompArch, args: readonly string[], size: number): Explanation {
  const behind = Object.entries(multiplexers).find(([, { members }]) => Object.hasOwn(members, name))?.[0]
  const through =
    behind !== undefined && callsOf(architecture).has(behind) ? `; programs call it through \`${behind}\`` : ''
  return {
    architecture,
    name,
    number: undefined,
    args,
    answer: undefined,
    pointer: undefined,
    reason: `there is no such call on this architecture${through}`,
    steps: [],
    executed: 0,
    size,
  }
}

function nameOf(calls: ReadonlyMap<string, number>, number: number | undefined): string | undefined {
  return [...calls].find(([, own]) => own === number)?.[0]
}

const known = new WeakMap<Seccomp, Map<string, Decision>>()

/** What the compiler makes of the rules of a profile. */
export function decisionsOf(profile: Seccomp): Map<string, Decision> {
  let decisions = known.get(profile)
  if (decisions === undefined) {
    decisions = readProfile(profile)
    demultiplex(decisions)
    known.set(profile, decisions)
  }
  return decisions
}
