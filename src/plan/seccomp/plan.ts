import { BPF_MAXINSNS } from '../../../native/abi/bpf.ts'
import {
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
} from '../../../native/abi/seccomp.ts'
import type { Config, Seccomp, SeccompFlag } from '../../../spec/generated/config.ts'
import { ConfigError } from '../../errors.ts'
import type { Annotations } from '../annotations.ts'
import { decodeBase64 } from '../base64.ts'
import { architectures, isNumber, nativeArchitecture } from './architectures.ts'
import { INSTRUCTION_SIZE } from './assemble.ts'
import { compile } from './compile.ts'
import { multiplexers } from './multiplexed.ts'

/** A filter of system calls, ready for seccomp(2). */
export interface SeccompPlan {
  /** Instructions of classic BPF. */
  readonly program: Uint8Array
  /** SECCOMP_FILTER_FLAG_*. */
  readonly flags: number
  /** Who is asked about calls with SCMP_ACT_NOTIFY. */
  readonly agent: SeccompAgent | undefined
  /** Another one, which is loaded after it: what either of them forbids is forbidden. */
  readonly added?: Pick<SeccompPlan, 'program' | 'flags'> | undefined
}

export interface SeccompAgent {
  /** Its socket on the host. */
  readonly path: string
  readonly metadata: string | undefined
}

/** An annotation of crun's: a name that stands for no call is an error. */
export const FAIL_UNKNOWN = 'run.oci.seccomp_fail_unknown_syscall'
/** An annotation of crun's: the agent, for engines that do not set listenerPath. */
const RECEIVER = 'run.oci.seccomp.receiver'
/** A variable of crun's: the agent for profiles that ask one and name none, by no annotation either. */
export const RECEIVER_VARIABLE = 'RUN_OCI_SECCOMP_RECEIVER'
/**
 * An annotation of crun's: a filter that somebody else has compiled, in base64. There it stands for the whole profile; but an
 * image can bring annotations, and must not get rid of the profile, so here it is loaded beside that.
 */
export const BPF_DATA = 'run.oci.seccomp_bpf_data'

export const seccompFlags: Readonly<Record<SeccompFlag, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_LOG: SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
}

/** Compiles the profile of a container. Errors: ConfigError for a profile that is too large, or has an unknown name. */
export function planSeccomp(
  profile: Seccomp,
  arch: keyof typeof nativeArchitecture,
  annotations: Annotations,
): SeccompPlan {
  const compiled = annotations?.[BPF_DATA]
  const added =
    compiled === undefined ? undefined : { program: compiledFilter(compiled), flags: planFlags(profile.flags, false) }
  if ((annotations?.[FAIL_UNKNOWN] ?? '0') !== '0') refuseUnknown(profile)
  const program = compile(profile, nativeArchitecture[arch])
  const count = program.length / INSTRUCTION_SIZE
  if (count > BPF_MAXINSNS)
    throw new ConfigError(
      `the profile takes ${count} instructions and the kernel only ${BPF_MAXINSNS}; leave rules or architectures out`,
      '/linux/seccomp',
    )
  // An empty string is how some engines say that there is none.
  const metadata = profile.listenerMetadata || undefined
  const agent = asksAgent(profile) ? { path: withReceiver(profile, annotations).listenerPath!, metadata } : undefined
  return { program, flags: planFlags(profile.flags, agent !== undefined), agent, added }
}

/** The profile, with the agent that an annotation names if it names none itself. */
export function withReceiver(profile: Seccomp, annotations: Annotations): Seccomp {
  const receiver = annotations?.[RECEIVER]
  return receiver === undefined || profile.listenerPath ? profile : { ...profile, listenerPath: receiver }
}

/** The configuration, with the agent of that variable if its profile needs one. */
export function withUsualReceiver(config: Config, receiver: string | undefined): Config {
  const { linux, annotations } = config
  if (!receiver || linux?.seccomp === undefined || !asksAgent(linux.seccomp)) return config
  const listenerPath = withReceiver(linux.seccomp, annotations).listenerPath || receiver
  return { ...config, linux: { ...linux, seccomp: { ...linux.seccomp, listenerPath } } }
}

/** Errors: ConfigError for what is no program of the kernel's size; the instructions are checked by seccomp(2). */
function compiledFilter(text: string): Uint8Array {
  const pointer = `/annotations/${BPF_DATA}`
  const program = decodeBase64(text)
  if (program === undefined) throw new ConfigError('is not base64', pointer)
  const count = program.length / INSTRUCTION_SIZE
  if (!Number.isInteger(count) || count === 0 || count > BPF_MAXINSNS)
    throw new ConfigError(
      `has ${program.length} bytes; a filter is 1 to ${BPF_MAXINSNS} instructions of ${INSTRUCTION_SIZE}`,
      pointer,
    )
  return program
}

/** Does any call end up with the agent? */
export function asksAgent({ defaultAction, syscalls = [] }: Seccomp): boolean {
  return defaultAction === 'SCMP_ACT_NOTIFY' || syscalls.some(({ action }) => action === 'SCMP_ACT_NOTIFY')
}

/**
 * Without a list, SPEC_ALLOW is set as in runc and crun: its absence slows interpreters down on some processors. TSYNC
 * means nothing to a process with one thread; with a listener it would be for the thread that sends that to the agent,
 * and the kernel does not take both. WAIT_KILLABLE_RECV is about a listener, and refused without one.
 */
function planFlags(list: readonly SeccompFlag[] = ['SECCOMP_FILTER_FLAG_SPEC_ALLOW'], listener: boolean): number {
  const flags = list.reduce((sum, flag) => sum | seccompFlags[flag], 0)
  return listener
    ? (flags & ~SECCOMP_FILTER_FLAG_TSYNC) | SECCOMP_FILTER_FLAG_NEW_LISTENER
    : flags & ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
}

/** The calls of all architectures, and those behind a multiplexer: profiles name them all. */
export function knownCalls(): Set<string> {
  const known = new Set(Object.values(multiplexers).flatMap(({ members }) => Object.keys(members)))
  for (const { calls } of Object.values(architectures))
    for (const word of calls.split(' ')) if (!isNumber(word)) known.add(word)
  return known
}

function refuseUnknown({ syscalls = [] }: Seccomp): void {
  const known = knownCalls()
  for (const [rule, { names }] of syscalls.entries())
    for (const [at, name] of names.entries())
      if (!known.has(name))
        throw new ConfigError(
          `no system call is called ${JSON.stringify(name)}`,
          `/linux/seccomp/syscalls/${rule}/names/${at}`,
        )
}
