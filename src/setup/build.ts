import { CLONE_NEWNS } from '../../native/abi/sched.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import { isErrno } from '../errors.ts'
import { detourOfMounts } from '../host/denied.ts'
import { keepsOriginalGroups } from '../plan/annotations.ts'
import type { ContainerPlan } from '../plan/container.ts'
import { sourcesInTurn } from '../rootfs/fewFiles.ts'
import { openManySources, plainBinds, sourcesForKeeper } from '../rootfs/manySources.ts'
import { canMountByPath } from '../rootfs/mountByPath.ts'
import { isShared } from '../rootfs/sources.ts'
import type { Runtime } from '../runtime.ts'
import { type ContainerRecord, START_SOCKET } from '../state/record.ts'
import { changeRoot } from './changeRoot.ts'
import { makeContents } from './contents.ts'
import type { Labels } from './facilities/labels.ts'
import { spawnInNamespaces } from './firstProcess.ts'
import { runCreateHooks } from './hooks/createHooks.ts'
import type { HookOutput } from './hooks/hooks.ts'
import { type HostResources, type Making, pack } from './hostResources.ts'
import { withMountNamespace } from './mountNamespace.ts'
import { placeOnHost } from './onHost.ts'
import type { Prepared } from './prepare.ts'
import type { PlannedProgram } from './process/prepareProcess.ts'
import { underKeeper } from './underKeeper.ts'

/** A container that is complete but for its program: what is left is the tail. */
export interface BuiltContainer {
  readonly plan: ContainerPlan
  readonly executor: Executor
  readonly record: ContainerRecord
  /** The container's directory, locked. */
  readonly directory: Fd<'outside'>
  /** The socket on which the first process waits for `start`, and where hooks print. */
  readonly listener: Fd<'inside'>
  readonly hookOutput: HookOutput
  /** Binds that socket in the container's directory. */
  listen(): void
  /** Undefined for a configuration without a process, which can be created but not started. */
  readonly program: PlannedProgram | undefined
  readonly setgroupsAllowed: boolean
  readonly labels: Labels | undefined
  /** The executor's socket for sd_notify(3). */
  readonly notify: Fd<'inside'> | undefined
  /** The connection to the seccomp agent. */
  readonly agent: Fd<'inside'> | undefined
  /** Who is to get the first process's pidfd. */
  readonly pidfdSocket: Fd<'outside'> | undefined
  /**
   * To be called when the tail is recorded: waits for what comes before it, and refuses a program that can not be executed.
   * Returns the terminal's master, when it is this process that holds it; whoever takes it closes it.
   */
  confirm(): Fd<'outside'> | undefined
}

/**
 * Builds a container up to the moment before its program and hands it to `use`. Whatever fails in there, the keeper takes
 * back all that was made. Where a call that makes mounts turns out to be denied, all of it is done once more, without.
 */
export function buildContainer<T>(runtime: Runtime, prepared: Prepared, use: (built: BuiltContainer) => T): T {
  try {
    return buildOnce(runtime, prepared, use)
  } catch (error) {
    if (holdsNamespace(error) && !prepared.sourcesInCopy)
      return buildContainer(runtime, { ...prepared, sourcesInCopy: true }, use)
    const detour = detourOfMounts(runtime.outside, error)
    if (detour === undefined) throw error
    if (!canMountByPath(prepared.plan)) throw detour.failure
    return buildOnce(runtime, prepared, use)
  }
}

/**
 * A mount namespace that a file holds (snapd: /run/snapd/ns/NAME.mnt) may not be mounted in a younger one, as it would be with the
 * tree that has it. What copies a mount namespace leaves it out.
 */
function holdsNamespace(error: unknown): boolean {
  return isErrno(error, 'ELOOP') && error.call === 'move_mount'
}

function buildOnce<T>(runtime: Runtime, prepared: Prepared, use: (built: BuiltContainer) => T): T {
  using fds = new Fds()
  const inTurn = prepared.fewFiles ? sourcesInTurn(prepared.plan) : []
  const all = (plan: ContainerPlan) => plainBinds(plan, !runtime.inUserNamespace)
  const forKeeper = prepared.sourcesInCopy ? all : sourcesForKeeper
  const leave = inTurn.length > 0 ? () => inTurn : forKeeper
  const hostResources = runtime.phase('open what is on the host', () => {
    const packed = pack(runtime, prepared, fds, leave)
    return { ...packed, sources: withMountNamespace(runtime, prepared, packed.sources, fds) }
  })
  return underKeeper(runtime, prepared, hostResources, [], (executor, packed) => {
    const hostResources = inTurn.length > 0 ? packed : withManySources(executor, prepared, packed)
    return use(build({ runtime, prepared, hostResources, executor, fds }))
  })
}

/** With the sources that were left to the keeper, which has been asked for nothing else yet. */
function withManySources(executor: Executor, { plan, sourcesInCopy }: Prepared, packed: HostResources): HostResources {
  const { sources } = packed
  if (!sources.left?.length) return packed
  if (sourcesInCopy) executor.kernel.unshare(CLONE_NEWNS, 'a mount namespace')
  const inherited = openManySources(executor, sources.left, isShared(plan))
  return { ...packed, sources: { ...sources, inherited } }
}

/**
 * The recipe. The executor works while the planner goes on: `begin` sends off what is queued, and what is asked of the
 * first process comes in when it is needed.
 */
function build(making: Making): BuiltContainer {
  const { runtime, prepared, hostResources, executor } = making
  const { plan } = prepared
  const { kernel: inside } = executor
  const hookOutput = hookOutputOf(executor, hostResources)

  const first = spawnInNamespaces(making)
  const contents = makeContents(making)
  inside.begin()
  const placed = placeOnHost(making, first)
  runtime.phase('mounts and devices', () => {
    inside.flush()
    contents.check()
  })
  runCreateHooks(runtime, executor, contents.root, plan.hooks, placed.record, hookOutput, hostResources.hookOutput)
  const { program, checkPlaces } = runtime.phase('change the root, find the program', () => {
    const inner = changeRoot(making, first, contents, placed)
    inside.begin()
    return inner
  })

  const { record, directory } = placed
  return {
    plan,
    executor,
    record,
    directory,
    listener: executor.passed(hostResources.listener),
    hookOutput,
    // Through the descriptor: the path of a socket must be shorter than 108 bytes.
    listen: () => runtime.outside.listenAt(hostResources.listener, `/proc/self/fd/${directory.number}/${START_SOCKET}`),
    program,
    setgroupsAllowed: first.setgroupsAllowed && !keepsOriginalGroups(plan.annotations),
    labels: first.labels,
    notify: first.notify,
    agent: hostResources.agent && executor.passed(hostResources.agent),
    pidfdSocket: hostResources.pidfdSocket,
    confirm: () => {
      inside.flush()
      checkPlaces()
      program?.executable.confirm()
      return hostResources.console?.receive?.()
    },
  }
}

function hookOutputOf({ passed }: Executor, { hookFiles, hookOutput }: HostResources): HookOutput {
  const { stdout, stderr } = hookFiles
  const memory = passed(hookOutput)
  return { stdout: stdout ? passed(stdout) : memory, stderr: stderr ? passed(stderr) : memory, memory }
}
