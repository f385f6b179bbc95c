import {
  SIGCHLD,
  SIGHUP,
  SIGINT,
  SIGKILL,
  SIGQUIT,
  SIGSTOP,
  SIGTERM,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGWINCH,
} from '../../native/abi/signal.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import { __WALL, WNOHANG } from '../../native/abi/wait.ts'
import type { Fd } from '../../native/fd.ts'
import { outOfMemory } from '../cgroup/outOfMemory.ts'
import type { Runtime } from '../runtime.ts'
import { relayNotify } from '../setup/facilities/notify.ts'
import type { CreateRequest } from '../setup/prepare.ts'
import { openContainerIfAny, writeRecord } from '../state/store.ts'
import type { ForegroundTerminal } from '../streams/foregroundTerminal.ts'
import type { Watch } from '../streams/watch.ts'
import { destroyContainer } from './delete.ts'

/** A container with a program that somebody waits for. */
export interface RunRequest extends CreateRequest {
  /** Return as soon as the program runs. */
  readonly detach?: boolean
  /** Do not delete the container when its program has ended. */
  readonly keep?: boolean
  readonly noSubreaper?: boolean
  /** Pass the signals that this process gets on to the container, as a command in the foreground does. */
  readonly forwardSignals?: boolean
}

/** The signals that are about the runtime itself, not about the container. */
const OWN: readonly number[] = [SIGCHLD, SIGURG, SIGKILL, SIGSTOP]
/** With a terminal of the container: using our own one while in the background stops us, as it does every program. */
const OF_OWN_TERMINAL: readonly number[] = [SIGTTIN, SIGTTOU]
/** Without one: the size of our terminal is no matter of the program's. */
const OF_TERMINALS: readonly number[] = [SIGWINCH]
/** Before there is a program to pass them on to, they are for the runtime, caught or not. */
const ENDING: readonly number[] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM]
const HIGHEST = 64
/** The exit code of a program that SIGKILL ended, and of a shell that saw a child end so. */
const KILLED = 128 + SIGKILL

/** A container's program as its parent sees it. */
export interface RunningProgram {
  readonly pid: number
  readonly pidfd: Fd<'outside'>
  /** The path of its cgroup. */
  readonly cgroup: string | undefined
  /** Where caught signals are read from, when they are passed on. */
  readonly signals: number | undefined
  /** Its terminal, when it is us who hold that. */
  readonly terminal?: ForegroundTerminal | undefined
  /** Its socket for sd_notify(3). */
  readonly notify?: Fd<'outside'> | undefined
}

/** From now on signals do not end this process but wait to be passed on: to be called before the program runs. `terminal`:
 * with a ForegroundTerminal. */
export function catchSignals(
  { host }: Runtime,
  { forwardSignals, detach }: Pick<RunRequest, 'forwardSignals' | 'detach'>,
  terminal = false,
): number | undefined {
  return forwardSignals && !detach ? host.watchSignals(forwarded(terminal)) : undefined
}

/** The signals that end a wait for the program, given what catchSignals() gave; those that are not caught end us anyway. */
export function endingSignals(signals: number | undefined): readonly number[] {
  return signals === undefined ? [] : ENDING
}

/** Waits for the end of the container's first process, deletes the container, and gives the exit code. */
export async function supervise(runtime: Runtime, request: RunRequest, program: RunningProgram): Promise<number> {
  const code = await awaitExit(runtime, program)
  if (code === KILLED && program.cgroup !== undefined) tellOutOfMemory(runtime, request.id, program.cgroup)
  if (request.keep) keepExitCode(runtime, request.id, program.pid, code)
  else remove(runtime, request.id, program.pid)
  return code
}

/** Passes signals on until the program has ended, and gives its exit code, 128 + n after a signal n. */
export async function awaitExit(
  runtime: Runtime,
  { pid, pidfd, signals, terminal, notify }: Omit<RunningProgram, 'cgroup'>,
): Promise<number> {
  const relay = notify ? [relayNotify(runtime, notify)] : []
  if (terminal !== undefined) await terminal.relay(pidfd, signals, relay)
  else
    await attend(runtime, pidfd, [...(signals === undefined ? [] : [passSignalsOn(runtime, pidfd, signals)]), ...relay])
  pidfd.close()
  const exit = runtime.outside.wait(pid, WNOHANG | __WALL, 'any')
  return exit?.signal === undefined ? (exit?.code ?? 255) : 128 + exit.signal
}

/** 137 says that somebody killed it; when it was the kernel, for lack of memory, that is worth a word. */
function tellOutOfMemory({ outside, warn }: Runtime, id: string, cgroup: string): void {
  const reason = outOfMemory(outside, cgroup)
  if (reason !== undefined) warn(`container \`${id}\`: ${reason}`)
}

/** Every signal that we get goes to the process. */
function passSignalsOn({ outside }: Runtime, pidfd: Fd<'outside'>, caught: number): Watch {
  return {
    poll: { fd: caught, events: POLLIN },
    react: () => {
      for (const signal of outside.read(caught, 64)) outside.signal(pidfd, signal)
    },
  }
}

/** Does what there is to do until the process ends. */
async function attend({ host }: Runtime, pidfd: Fd<'outside'>, watches: readonly Watch[]): Promise<void> {
  const end = { fd: pidfd.number, events: POLLIN }
  for (;;) {
    const polls = [end, ...watches.map(({ poll }) => poll)]
    const [ended, ...events] = await host.poll(polls, -1)
    watches.forEach((watch, i) => {
      if (events[i]) watch.react()
    })
    if (ended) return
  }
}

function forwarded(terminal: boolean): number[] {
  const own = [...OWN, ...(terminal ? OF_OWN_TERMINAL : OF_TERMINALS)]
  return Array.from({ length: HIGHEST }, (_, i) => i + 1).filter(signal => !own.includes(signal))
}

/** Nobody but the parent of a process is sure to hear how it ended; `wait` tells it. */
function keepExitCode({ outside, root }: Runtime, id: string, pid: number, exitCode: number): void {
  using container = openContainerIfAny(outside, root, id, true)
  if (container?.record?.pid === pid) writeRecord(outside, container.directory, { ...container.record, exitCode })
}

/** Somebody else may have deleted it meanwhile, and even made another one with its id. */
function remove(runtime: Runtime, id: string, pid: number): void {
  using container = openContainerIfAny(runtime.outside, runtime.root, id, true)
  if (container?.record?.pid === pid) destroyContainer(runtime, container)
}
