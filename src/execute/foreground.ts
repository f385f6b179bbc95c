import * as signals from '../../native/abi/signal.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import { __WALL, WNOHANG } from '../../native/abi/wait.ts'
import type { Fd } from '../../native/fd.ts'
import type { Runtime } from '../runtime.ts'
import { openContainerIfAny } from '../state/store.ts'
import { destroyContainer, killContainerProcesses } from './delete.ts'

/** The signals that are about the runtime itself, not about the container. */
const OWN: readonly number[] = [signals.SIGCHLD, signals.SIGURG, signals.SIGKILL, signals.SIGSTOP]
const HIGHEST = 64

/** Passes signals on to the container's first process until it ends; deletes the container; gives the exit code. */
export async function supervise(runtime: Runtime, id: string, pid: number, pidfd: Fd, keep: boolean): Promise<number> {
  const { host, outside } = runtime
  const caught = host.watchSignals(forwarded())
  const entries = [
    { fd: pidfd.number, events: POLLIN },
    { fd: caught, events: POLLIN },
  ]
  for (;;) {
    const [ended, signalled] = await host.poll(entries, -1)
    if (signalled) for (const signal of outside.read(caught, 64)) outside.signal(pidfd, signal)
    if (ended) break
  }
  pidfd.close()
  const exit = outside.wait(pid, WNOHANG | __WALL, 'any')
  if (!keep) remove(runtime, id)
  return exit?.signal === undefined ? (exit?.code ?? 255) : 128 + exit.signal
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
