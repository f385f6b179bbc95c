import { errnoName } from '../../../native/abi/errno.ts'
import { AT_FDCWD, CLOSE_RANGE_CLOEXEC, O_RDWR, SEEK_CUR, SEEK_SET } from '../../../native/abi/fcntl.ts'
import { SIGINFO } from '../../../native/abi/layout/process.ts'
import { CLONE_PARENT_SETTID, CLONE_PIDFD } from '../../../native/abi/sched.ts'
import { SIGCHLD, SIGKILL } from '../../../native/abi/signal.ts'
import { POLLIN } from '../../../native/abi/socket.ts'
import { S_IFDIR, S_IFMT } from '../../../native/abi/stat.ts'
import { P_PIDFD, WEXITED, WNOWAIT } from '../../../native/abi/wait.ts'
import { cloneCall, type Exit, timespec } from '../../../native/calls/process.ts'
import type { Executor } from '../../../native/executor/launch.ts'
import { Failure, KernelError } from '../../../native/failure.ts'
import { type Fd, Fds } from '../../../native/fd.ts'
import type { Result } from '../../../native/kernels/result.ts'
import { pollPatiently, tellSlow } from '../../../native/patience.ts'
import { signalEnd } from '../../../native/signalEnd.ts'
import { Out } from '../../../native/struct.ts'
import { decode } from '../../../native/utf8.ts'
import { parseConfig } from '../../config/load.ts'
import { placeOf } from '../../config/places.ts'
import { doing } from '../../errors.ts'
import { isAbsolute, join } from '../../paths.ts'
import type { Runtime } from '../../runtime.ts'
import { hookState, type HookSubject } from '../../state/ociState.ts'
import type { Status } from '../../state/record.ts'
import type { StoredContainer } from '../../state/store.ts'
import { type HookFiles, openHookFiles } from './hookFiles.ts'

/** config.json#/hooks/*, see config.md#posix-platform-hooks. */
export interface Hook {
  readonly path: string
  readonly args?: readonly string[]
  readonly env?: readonly string[]
  /** Seconds. */
  readonly timeout?: number
}

export const OUTPUT_SHOWN = 1024

const hookHints: Readonly<Record<string, string>> = {
  ENOENT: 'the hook, or the interpreter that it names, is missing',
  EACCES: 'the hook is not executable',
}

/** What a hook said, for the message about its failure. */
export function shown(output: Uint8Array): string {
  const text = decode(output.subarray(0, OUTPUT_SHOWN)).trim().replaceAll('\n', ' | ')
  return text === '' ? '' : `; it said: ${text}`
}

/** Which of the hooks is at work, in the words that callers of runc look for. */
export function hookPhrase(kind: string, index: number, { path }: Hook): string {
  return `running ${kind} hook #${index}: \`${path}\``
}

/** Runs hooks of one kind in the runtime's own namespaces, in the bundle, in order; the first failure ends it. */
export function runHooks(
  runtime: Runtime,
  kind: string,
  hooks: readonly Hook[] | undefined,
  container: HookSubject,
  status: Status,
): void {
  if (hooks === undefined || hooks.length === 0) return
  using fds = new Fds()
  const state = hookState(container, status)
  const files = openHookFiles(runtime, container, fds)
  const directory = bundleOf(runtime, container)
  for (const [i, hook] of hooks.entries()) {
    const file = isAbsolute(hook.path) ? hook.path : join(container.bundle, hook.path)
    doing(hookPhrase(kind, i, hook), () => runHook(runtime, hook, file, state, files, directory))
  }
}

/** The bundle, where hooks begin as in runc and crun; undefined when it has been removed, which is no reason not to run any. */
function bundleOf({ outside }: Runtime, { bundle }: HookSubject): string | undefined {
  const { stat } = outside.statx(AT_FDCWD, bundle, 0, 'any')
  return stat !== undefined && (stat.mode & S_IFMT) === S_IFDIR ? bundle : undefined
}

/** The hooks after the end of a container: a failure only warns and the others run, see runtime.md#lifecycle. */
export function runPoststop(runtime: Runtime, hooks: readonly Hook[] | undefined, container: HookSubject): void {
  for (const [i, hook] of (hooks ?? []).entries()) {
    try {
      runHooks(runtime, 'poststop', [hook], container, 'stopped')
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      runtime.warn(`poststop hook failed with ${error.reason} (hook ${placeOf(hooks, i)}, \`${hook.path}\`)`)
    }
  }
}

/** An empty list is none: a program does without arguments, but hardly without a name. */
function argvOf({ path, args = [] }: Hook): readonly string[] {
  return args.length === 0 ? [path] : args
}

/** The state goes to its standard input. */
function runHook(
  { host, outside }: Runtime,
  hook: Hook,
  file: string,
  state: string,
  { stdout, stderr }: HookFiles,
  directory: string | undefined,
): void {
  using input = outside.memoryFile('state')
  outside.writeAll(input, state)
  outside.rewind(input)
  using output = outside.memoryFile('output')
  using nothing = outside.openat(AT_FDCWD, '/dev/null', O_RDWR)
  const pid = host.spawn({
    file,
    argv: argvOf(hook),
    env: hook.env ?? host.env,
    descriptors: [input.number, (stdout ?? nothing).number, (stderr ?? output).number],
    directory,
  })
  if (pid < 0) throw new KernelError('execve', -pid, undefined, hookHints[errnoName(-pid)])
  let ended = false
  let exit: Exit | undefined
  try {
    using pidfd = outside.pidfdOpen(pid, [])
    const timeout = hook.timeout === undefined ? -1 : hook.timeout * 1000
    const slow = () => tellSlow('waiting for its end')
    ended = pollPatiently(outside, [{ fd: pidfd, events: POLLIN }], timeout, slow)[0] !== 0
  } finally {
    // Also when waiting failed: no hook goes on without us. Its pid is its own until we have waited for it.
    if (!ended) outside.now({ name: 'kill', args: [pid, SIGKILL], tolerate: 'any' })
    exit = outside.wait(pid, 0, 'any')
  }
  if (!ended) throw new Failure(`killed after its timeout of ${hook.timeout} s`)
  if (exit?.code === 0) return
  outside.rewind(output)
  const how = exit?.signal === undefined ? `exit code ${exit?.code}` : signalEnd(exit.signal)
  throw new Failure(`${how}${shown(outside.read(output, OUTPUT_SHOWN))}`)
}

/** The descriptors for what a hook inside prints. */
export interface HookOutput {
  readonly stdout: Fd<'inside'>
  readonly stderr: Fd<'inside'>
  /** Where it prints to unless there are files, and what can be read. */
  readonly memory: Fd<'inside'>
}

/** What a hook inside finds. */
export interface HookSetting {
  readonly state: string
  readonly output: HookOutput
  /** The environment of a hook that does not say which, as in crun and runc. */
  readonly env: readonly string[]
  /** Records what the hook's process takes on before its program. */
  readonly become?: () => void
}

/** Queues or records one hook to be run by the executor, in the container's namespaces. */
export function runHookInside(executor: Executor, hook: Hook, { state, output, env, become }: HookSetting): void {
  const { calls, kernel } = executor
  const { stdout, stderr, memory } = output
  const input = kernel.memoryFileLater('state').take()
  kernel.writeText(input, state, 'state for the hook')
  kernel.rewind(input)
  const failed = calls.record(() => kernel.exit(127))
  const child = calls.record(() => {
    kernel.dup3(input, 0, 0)
    kernel.dup3(stdout, 1, 0)
    kernel.dup3(stderr, 2, 0)
    kernel.closeRange(3, 0xffff_ffff, CLOSE_RANGE_CLOEXEC)
    become?.()
    kernel.execve(hook.path, argvOf(hook), hook.env ?? env)
  })
  calls.link(failed, 0)
  calls.link(child, 0, failed[0]!.address)

  const before = calls.later({ name: 'lseek', args: [memory, 0, SEEK_CUR], tolerate: 'any' })
  // struct pollfd: clone3 writes the pidfd straight into its first field.
  const pollfd = new Out(new Uint8Array([0, 0, 0, 0, POLLIN, 0, 0, 0]))
  // The kernel writes the pid, since both processes store their own result of clone3 in the shared operation. clone(2) gives the pidfd only.
  const pid = kernel.lacking.has('clone3') ? undefined : new Out(8)
  const flags = BigInt(CLONE_PIDFD | (pid ? CLONE_PARENT_SETTID : 0))
  const clone = calls.later(cloneCall(kernel, { flags, pidfd: pollfd, pid, exitSignal: SIGCHLD }))
  clone.branch({ zero: child[0]!.address })
  const timeout = hook.timeout === undefined ? null : timespec(hook.timeout * 1000)
  const unexpected = `killed after its timeout of ${hook.timeout} s`
  calls.later({ name: 'ppoll', args: [pollfd.address, 1, timeout, null, 0], expect: 'positive', unexpected })
  const status = new Out(8)
  const process = pid ? calls.later({ name: 'load', args: [pid.address] }) : waitForPid(executor, pollfd)
  calls.later({ name: 'wait4', args: [process, status, 0, null] })
  const said = new Out(new Uint8Array(OUTPUT_SHOWN + 1))
  calls.later({ name: 'lseek', args: [memory, before, SEEK_SET], tolerate: 'any' })
  calls.later({ name: 'read', args: [memory, said, OUTPUT_SHOWN], tolerate: 'any' })
  calls.later({ name: 'load', args: [status.address], expect: 'zero', said })
}

/** The number of the process of a pidfd, which waitid(2) tells when it has ended. What lies behind it in the word is no part of a pid. */
function waitForPid({ calls }: Executor, pidfd: Out): Result {
  const info = new Out(SIGINFO.size)
  const child = calls.later({ name: 'load', args: [pidfd.address], tolerate: 'any' })
  calls.later({ name: 'waitid', args: [P_PIDFD, child, info, WEXITED | WNOWAIT, null] })
  return calls.later({ name: 'load', args: [info.address + SIGINFO.si_pid], tolerate: 'any' })
}

/** Runs hooks of one kind in the container's namespaces while the planner waits. */
export function runHooksInside(
  executor: Executor,
  kind: string,
  hooks: readonly Hook[] | undefined,
  setting: HookSetting,
  printed: () => Uint8Array,
): void {
  hooks?.forEach((hook, i) => {
    doing(hookPhrase(kind, i, hook), () => {
      runHookInside(executor, hook, setting)
      try {
        executor.kernel.flush()
      } catch (error) {
        if (error instanceof KernelError || !(error instanceof Failure)) throw error
        throw new Failure(`${error.reason}${shown(printed())}`)
      }
    })
  })
}

/** The hooks of a container as its configuration was when it was created. */
export function storedHooks(
  container: StoredContainer,
): Readonly<Record<string, readonly Hook[] | undefined>> | undefined {
  if (!container.record?.laterHooks) return undefined
  return parseConfig(container.configText).hooks as Record<string, readonly Hook[]> | undefined
}
