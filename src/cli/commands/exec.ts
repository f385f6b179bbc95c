import { checkId } from '../../config/id.ts'
import { execContainer, type ExecRequest } from '../../container/exec.ts'
import { doing, UsageError } from '../../errors.ts'
import type { CapabilityChanges, ProcessChanges } from '../../plan/process/execProcess.ts'
import type { OptionsOf } from '../line/options.ts'
import type { Verb } from '../verb.ts'
import { given, preserved } from './request.ts'

type GivenOptions = OptionsOf<'exec'>

export const verb: Verb<'exec'> = (runtime, options, positionals) => {
  const [word, ...args] = positionals
  const id = checkId(word!)
  const request = execRequest(options, id, args)
  if (request.processFile !== undefined && args.length > 0)
    runtime.warn('--process says what to run: the command behind the id is ignored')
  return doing(`exec in \`${id}\``, () => execContainer(runtime, { ...request, forwardSignals: true }))
}

/** What the command line asks for. Throws a UsageError for what makes no sense. */
export function execRequest(options: GivenOptions, id: string, args: readonly string[]): ExecRequest {
  const processFile = given(options.process)
  if (processFile === undefined && args.length === 0) throw new UsageError('exec: the command to run is missing')
  return {
    id,
    processFile,
    changes: { ...(processFile === undefined && { args }), ...processChanges(options) },
    detach: options.detach,
    pidFile: given(options['pid-file']),
    consoleSocket: given(options['console-socket']),
    pidfdSocket: given(options['pidfd-socket']),
    preserveFds: preserved(options),
    cgroup: cgroupOption(options.cgroup),
    ignorePaused: options['ignore-paused'],
  }
}

function processChanges(options: GivenOptions): ProcessChanges {
  const { cwd, env, user, tty } = options
  // Not quoted: what has no name may be a value, and a secret.
  const nameless = env.findIndex(entry => entry.indexOf('=') < 1)
  if (nameless !== -1) throw new UsageError(`--env: must be NAME=VALUE, the ${nameless + 1}. is not`)
  if (given(cwd) !== undefined && !cwd!.startsWith('/')) throw new UsageError(`--cwd: must be absolute, is \`${cwd}\``)
  const gids = options['additional-gids'].map(text => numericId('--additional-gids', text))
  return {
    cwd: given(cwd),
    env: some(env),
    ...(given(user) !== undefined && userOption(user!)),
    additionalGids: some(gids),
    terminal: tty,
    noNewPrivileges: options['no-new-privs'],
    selinuxLabel: given(options['process-label']),
    apparmorProfile: given(options.apparmor),
    capabilities: capabilityChanges(options),
  }
}

function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list
}

/** `UID[:GID]`; a group that is not given stays the container's, as in runc. */
function userOption(text: string): Pick<ProcessChanges, 'uid' | 'gid'> {
  const [uid, gid, more] = text.split(':')
  if (more !== undefined) throw new UsageError(`--user: must be UID[:GID], is \`${text}\``)
  return { uid: numericId('--user', uid!), ...(gid !== undefined && { gid: numericId('--user', gid) }) }
}

/** The largest stands for "no change". */
const LARGEST_ID = 0xffff_fffe

/** All of the text has to be the number (CVE-2026-30892), which may have a sign. */
function numericId(option: string, text: string): number {
  const id = /^(\+?\d{1,10}|-0)$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY
  if (id <= LARGEST_ID) return id
  throw new UsageError(`${option}: \`${text}\` is not a number from 0 to ${LARGEST_ID}; names are not looked up`)
}

function capabilityChanges(options: GivenOptions): CapabilityChanges | undefined {
  const words = (list: readonly string[]) => list.flatMap(text => text.split(',')).filter(Boolean)
  const add = words([...options.cap, ...options['cap-add']])
  const drop = words(options['cap-drop'])
  const set = words(options['cap-set'])
  if (add.length + drop.length + set.length === 0) return undefined
  return { add, drop, ...(set.length > 0 && { set: set.filter(name => name.toUpperCase() !== 'NONE') }) }
}

/** runc takes a path per controller, which is what cgroup v1 had. */
function cgroupOption(paths: readonly string[]): string | undefined {
  const [path, ...more] = paths
  if (more.length > 0) throw new UsageError('--cgroup: can be given once; on cgroup v2 a process is in one cgroup')
  if (path?.includes(':'))
    throw new UsageError(`--cgroup: \`${path}\` names controllers; on cgroup v2 they have no paths of their own`)
  return given(path)
}
