import { CAP_SYS_ADMIN } from '../../../native/abi/capability.ts'
import { ENOENT, ENOTDIR } from '../../../native/abi/errno.ts'
import type { CapabilitySets } from '../../../native/calls/identity.ts'
import type { Fd, Fds } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { decode } from '../../../native/utf8.ts'
import type { Config, Process } from '../../../spec/generated/config.ts'
import { hasNamespace } from '../../config/checks/namespacesOf.ts'
import { checkProcess } from '../../config/checks/process.ts'
import { parseConfig, parseProcess } from '../../config/load.ts'
import { processOddities } from '../../config/oddities.ts'
import { ConfigError, StateError } from '../../errors.ts'
import { readInput } from '../../host/callersFiles.ts'
import { keepsOriginalGroups } from '../../plan/annotations.ts'
import { type MembershipPlan, planMembership } from '../../plan/container.ts'
import { type ProcessChanges, processToRun } from '../../plan/process/execProcess.ts'
import { type ProcessPlan, planProcess } from '../../plan/process/process.ts'
import { RECEIVER_VARIABLE, withUsualReceiver } from '../../plan/seccomp/plan.ts'
import type { Runtime } from '../../runtime.ts'
import type { ContainerRecord, Status } from '../../state/record.ts'
import { openContainer } from '../../state/store.ts'
import { type ConsoleSocket, checkConsole } from '../../streams/consoleRoute.ts'
import { checkPidFile } from '../../streams/pidFile.ts'
import { requireOwnProcess } from '../belongings.ts'
import { requireSecurityModules } from '../facilities/labels.ts'
import { withinOwnRights } from '../ownRights.ts'
import { inheritedDescriptors, requireCapabilities, socketActivation, tellCapabilities } from '../prepare.ts'

/** What exec is asked for. */
export interface ExecRequest {
  readonly id: string
  /** A process.json, relative to the current directory; without one it starts from the container's own process. */
  readonly processFile?: string | undefined
  readonly changes: ProcessChanges
  /** Return as soon as the program runs. */
  readonly detach?: boolean
  readonly pidFile?: string | undefined
  readonly consoleSocket?: ConsoleSocket | undefined
  readonly pidfdSocket?: string | undefined
  /** Descriptors of this process that are the program's standard input, output and error, instead of our own. */
  readonly stdio?: readonly [number, number, number] | undefined
  /** How many descriptors from 3 on the program gets, besides those of socket activation. */
  readonly preserveFds?: number
  /** A cgroup below the container's, instead of that one. */
  readonly cgroup?: string | undefined
  /** Enter a paused container too; the program runs when that is resumed. */
  readonly ignorePaused?: boolean
  /** Pass the signals that this process gets on to the program, as a command in the foreground does. */
  readonly forwardSignals?: boolean
}

/** All that is decided before anything is started. */
export interface PreparedExec {
  readonly request: ExecRequest
  readonly record: ContainerRecord
  /** The container's first process, which is certain to be that one. */
  readonly pidfd: Fd<'outside'>
  /** The container's configuration, as it was when that was created. */
  readonly config: Config
  readonly process: ProcessPlan
  /** What it is in besides, as all processes of the container. */
  readonly membership: MembershipPlan
  readonly privileged: boolean
  readonly listenFds: number
  /** Descriptors of ours that the program inherits, in order. */
  readonly inherited: readonly number[]
}

export const STOPPED = 'cannot exec in a stopped container'

const REFUSALS: Readonly<Partial<Record<Status, string>>> = {
  stopped: STOPPED,
  paused: 'cannot exec in a paused container (use --ignore-paused to override)',
}

/** Finds the container and plans the process. Errors: StateError when it has stopped or is paused, ConfigError, UsageError. */
export function prepareExec(runtime: Runtime, request: ExecRequest, fds: Fds): PreparedExec {
  const { outside } = runtime
  const listenFds = socketActivation(runtime)
  const inherited = inheritedDescriptors(runtime, listenFds + (request.preserveFds ?? 0))
  checkPidFile(runtime, request)
  const found = runtime.phase('find the container', () => find(runtime, request, fds))
  const given = runtime.phase('parse', () => parseConfig(found.configText))
  const config = withUsualReceiver(given, runtime.env(RECEIVER_VARIABLE))
  const wish = runtime.phase('plan', () => plan(runtime, request, config.process))
  checkConsole(wish.terminal !== undefined, request.consoleSocket, !request.detach)
  requireSecurityModules(outside, { process: wish, mountLabel: undefined })
  tellCapabilities(runtime, wish.capabilities)
  const own = outside.capget()
  const process = hasNamespace(config, 'user') ? wish : withinRights(outside, own, wish, found.record)
  const privileged = ((own.effective >> BigInt(CAP_SYS_ADMIN)) & 1n) === 1n
  const membership = planMembership(config, { id: request.id, arch: runtime.host.arch })
  return { request, ...found, config, process, membership, privileged, listenFds, inherited }
}

function withinRights(
  outside: Kernel<'outside'>,
  own: CapabilitySets,
  wish: ProcessPlan,
  { annotations }: ContainerRecord,
) {
  requireCapabilities(outside, wish.capabilities, own.permitted)
  return withinOwnRights(outside, own.effective, wish, !keepsOriginalGroups(annotations))
}

/** No lock is taken: any number of execs run at once, and one that hangs keeps nobody from deleting the container. */
function find(runtime: Runtime, { id, ignorePaused }: ExecRequest, fds: Fds) {
  const { outside, root } = runtime
  using container = openContainer(outside, root, id, false)
  const record = container.established
  // Held before the status compares start times, so the process can't be another one afterwards.
  const pidfd = fds.keep(outside.pidfdOpen(record.pid))
  const { status } = container
  const refusal = status === 'paused' && ignorePaused ? undefined : REFUSALS[status]
  if (refusal !== undefined || !pidfd.exists) throw new StateError(refusal ?? STOPPED)
  requireOwnProcess(runtime, container, record.pid)
  return { record, pidfd, configText: container.configText }
}

function plan(runtime: Runtime, { processFile, changes }: ExecRequest, own: Process | undefined): ProcessPlan {
  const file = processFile === undefined ? undefined : readProcess(runtime, processFile)
  const process = processToRun(own, file, changes)
  checkProcess(process)
  // Of the container's own process create has told.
  if (file) for (const { pointer, reason } of processOddities(file)) runtime.warn(`${pointer}: ${reason}`)
  return planProcess(process, 0, file === undefined ? '/process' : '')
}

function readProcess({ outside, absolute, warn }: Runtime, file: string): Process {
  const path = absolute(file)
  const bytes = readInput(outside, path, [ENOENT, ENOTDIR])
  if (bytes === undefined) throw new ConfigError(`the process file \`${path}\` does not exist`)
  return parseProcess(decode(bytes), warn)
}
