import { SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_SET_MODE_FILTER } from '../../../native/abi/seccomp.ts'
import type { Recording } from './recorder.ts'

/** Phases that runc's --debug has lines for; those of `exec` begin with this one. */
const ENTER = 'enter the container'
const setup = 'nsexec container setup'
const child = 'child process in init()'
const ready = 'init: closing the pipe to signal completion'
const words: Readonly<Record<string, readonly string[]>> = {
  namespaces: [setup],
  'first process': [child],
  tail: [ready],
}
const execWords: Readonly<Record<string, readonly string[]>> = {
  [ENTER]: [setup, child],
  tail: ['setns_init: about to exec'],
}

/** A moment, and the line of a log about it. */
export interface Moment {
  /** Nanoseconds. */
  readonly at: number
  readonly line: string
}

/** A process with one thread needs none; runc leaves it out. */
function withoutSync(flags: number): number {
  return flags & ~SECCOMP_FILTER_FLAG_TSYNC
}

/** What runc's log would say of the same command, in its words: who looks for those in a log finds them. */
export function inWordsOfRunc({ phases, executors }: Recording): Moment[] {
  const table = phases.some(({ name }) => name === ENTER) ? execWords : words
  const steps = phases.flatMap(({ name, start }) =>
    (Object.hasOwn(table, name) ? table[name]! : []).map(msg => ({ at: start, msg })),
  )
  const filters = executors
    .flatMap(({ batches, chains }) => [...batches, ...chains])
    .flatMap(({ calls }) => calls)
    .filter(({ call: { name, args } }) => name === 'seccomp' && args[0] === SECCOMP_SET_MODE_FILTER)
    .map(({ call, start }) => ({ at: start, msg: `seccomp filter flags: ${withoutSync(call.args[1] as number)}` }))
  return [...steps, ...filters]
    .sort((a, b) => a.at - b.at)
    .map(({ at, msg }) => ({ at, line: `level=debug msg="${msg}"` }))
}
