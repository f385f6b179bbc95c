import * as signals from '../../native/abi/signal.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import { __WALL, WNOHANG } from '../../native/abi/wait.ts'
import type { Fd } from '../../native/fd.ts'
import type { Runtime } from '../runtime.ts'
import { openContainerIfAny } from '../state/store.ts'
import { destroyContainer, killContainerProcesses } from './delete.ts'
import type { RunRequest } from './run.ts'

/** The signals that are about the runtime itself, not about the container. */
const OWN: readonly number[] = [signals.SIGCHLD, signals.SIGURG, signals.SIGKILL, signals.SIGSTOP]
const HIGHEST = 64

/** Waits for the end of the container's first process, deletes the container, and gives the exit code. */
export async function supervise(runtime: Runtime, request: RunRequest, pid: number, pidfd: Fd): Promise<number> {
  if (request.forwardSignals) await passSignalsOn(runtime, pidfd)
  else await runtime.host.poll([{ fd: pidfd.number, events: POLLIN }], -1)
  pidfd.close()
  const exit = runtime.outside.wait(pid, WNOHANG | __WALL, 'any')
  if (!request.keep) remove(runtime, request.id)
  return exit?.signal === undefined ? (exit?.code ?? 255) : 128 + exit.signal
}

/** Until the process ends, every signal that we get goes to it. */
async function passSignalsOn({ host, outside }: Runtime, pidfd: Fd): Promise<void> {
  const caught = host.watchSignals(forwarded())
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

/** Somebody else may have deleted it meanwhile. */
function remove(runtime: Runtime, id: string): void {
  using container = openContainerIfAny(runtime.outside, runtime.root, id, true)
  if (container === undefined) return
  killContainerProcesses(runtime, container)
  destroyContainer(runtime, container)
}
