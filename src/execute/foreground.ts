import { SIGCHLD, SIGKILL, SIGSTOP, SIGURG } from '../../native/abi/signal.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import { __WALL, WNOHANG } from '../../native/abi/wait.ts'
import type { Fd } from '../../native/fd.ts'
import type { Runtime } from '../runtime.ts'
import { openContainerIfAny } from '../state/store.ts'
import { destroyContainer } from './delete.ts'
import type { RunRequest } from './run.ts'

/** The signals that are about the runtime itself, not about the container. */
const OWN: readonly number[] = [SIGCHLD, SIGURG, SIGKILL, SIGSTOP]
const HIGHEST = 64

/** A container's program as its parent sees it. */
export interface RunningProgram {
  readonly pid: number
  readonly pidfd: Fd
  /** Where caught signals are read from, when they are passed on. */
  readonly signals: number | undefined
}

/** From now on signals do not end this process but wait to be passed on: to be called before the program runs. */
export function catchSignals({ host }: Runtime, { forwardSignals, detach }: RunRequest): number | undefined {
  return forwardSignals && !detach ? host.watchSignals(forwarded()) : undefined
}

/** Waits for the end of the container's first process, deletes the container, and gives the exit code. */
export async function supervise(
  runtime: Runtime,
  request: RunRequest,
  { pid, pidfd, signals }: RunningProgram,
): Promise<number> {
  if (signals !== undefined) await passSignalsOn(runtime, pidfd, signals)
  else await runtime.host.poll([{ fd: pidfd.number, events: POLLIN }], -1)
  pidfd.close()
  const exit = runtime.outside.wait(pid, WNOHANG | __WALL, 'any')
  if (!request.keep) remove(runtime, request.id, pid)
  return exit?.signal === undefined ? (exit?.code ?? 255) : 128 + exit.signal
}

/** Until the process ends, every signal that we get goes to it. */
async function passSignalsOn({ host, outside }: Runtime, pidfd: Fd, caught: number): Promise<void> {
  const entries = [pidfd.number, caught].map(fd => ({ fd, events: POLLIN }))
  for (;;) {
    const [ended, signalled] = await host.poll(entries, -1)
    if (signalled) for (const signal of outside.read(caught, 64)) outside.signal(pidfd, signal)
    if (ended) return
  }
}

function forwarded(): number[] {
  return Array.from({ length: HIGHEST }, (_, i) => i + 1).filter(signal => !OWN.includes(signal))
}

/** Somebody else may have deleted it meanwhile, and even made another one with its id. */
function remove(runtime: Runtime, id: string, pid: number): void {
  using container = openContainerIfAny(runtime.outside, runtime.root, id, true)
  if (container?.record?.pid === pid) destroyContainer(runtime, container)
}
