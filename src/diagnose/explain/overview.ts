import type { SeccompArch } from '../../../spec/generated/config.ts'
import { answer } from '../../plan/seccomp/actions.ts'
import { architectures } from '../../plan/seccomp/architectures.ts'
import { INSTRUCTION_SIZE } from '../../plan/seccomp/assemble.ts'
import { answerText } from '../../plan/seccomp/disassemble.ts'
import { interpret } from '../../plan/seccomp/interpreter.ts'
import { callsOf } from './calls.ts'
import { decisionsOf, type Filter } from './explain.ts'

/** A filter in numbers, for one architecture. */
export interface Overview {
  readonly architecture: SeccompArch
  /** How many of the architecture's calls get this answer; `by arguments`: rules have conditions. */
  readonly answers: Readonly<Record<string, number>>
  /** Instructions that calls take: those that programs make most, the mean and the worst of all calls. */
  readonly common: Readonly<Record<string, number>>
  readonly mean: number
  readonly most: { readonly name: string; readonly executed: number }
}

/** What servers and shells spend their system calls on. */
const COMMON = [
  'read',
  'write',
  'openat',
  'close',
  'futex',
  'mmap',
  'epoll_wait',
  'epoll_pwait',
  'recvfrom',
  'sendto',
  'newfstatat',
  'clock_nanosleep',
  'getpid',
  'rt_sigprocmask',
]

export const BY_ARGUMENTS = 'by arguments'

export function sizeOf({ program }: Filter): number {
  return program.length / INSTRUCTION_SIZE
}

/** Asks the filter about every call of the architecture, with arguments of 0. */
export function overview(filter: Filter, architecture: SeccompArch): Overview {
  const { audit, endian } = architectures[architecture]
  const decisions = decisionsOf(filter.profile)
  const answers = new Map<string, number>()
  const costs: { name: string; executed: number }[] = []
  for (const [name, number] of callsOf(architecture)) {
    const { value, executed } = interpret(filter.program, { audit, number }, endian)
    const decision = decisions.get(name)
    const depends = decision !== undefined && decision.always === undefined
    const text = depends ? BY_ARGUMENTS : answerText(value)
    answers.set(text, (answers.get(text) ?? 0) + 1)
    costs.push({ name, executed })
  }
  const total = costs.reduce((sum, { executed }) => sum + executed, 0)
  return {
    architecture,
    answers: Object.fromEntries([...answers].sort(([, one], [, other]) => other - one)),
    common: Object.fromEntries(
      costs.filter(({ name }) => COMMON.includes(name)).map(({ name, executed }) => [name, executed]),
    ),
    mean: Math.round((10 * total) / costs.length) / 10,
    most: costs.reduce((one, other) => (other.executed > one.executed ? other : one)),
  }
}

export function defaultText({ profile }: Filter): string {
  return answerText(answer(profile.defaultAction, profile.defaultErrnoRet))
}
