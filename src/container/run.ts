import { Fds } from '../../native/fd.ts'
import { Failure, StateError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { buildContainer } from '../setup/build.ts'
import { awaitReady, receiveNotify } from '../setup/facilities/notify.ts'
import { prepare } from '../setup/prepare.ts'
import { awaitProgram, recordTail } from '../setup/tail.ts'
import { openContainer, writeRecord } from '../state/store.ts'
import { ForegroundTerminal } from '../streams/foregroundTerminal.ts'
import { sendPidfd } from '../streams/pidfdSocket.ts'
import { writePidFile } from '../streams/pidFile.ts'
import { Streams } from '../streams/streams.ts'
import { becomeContainer, giveStreams } from './create.ts'
import { deleteContainer } from './delete.ts'
import { catchSignals, endingSignals, type RunRequest, supervise } from './foreground.ts'
import { afterStart } from './start.ts'

/**
 * Creates and starts a container. In the foreground it passes signals on, waits for the program, deletes the container
 * and resolves to the exit code, 128 + n after a signal n; detached it resolves to 0 when the program runs. Errors: those
 * of create and start, with nothing left behind.
 */
export async function runContainer(runtime: Runtime, request: RunRequest): Promise<number> {
  const { outside } = runtime
  const prepared = prepare(runtime, request, !request.detach)
  if (prepared.plan.process === undefined)
    throw new StateError('cannot run a container whose config.json has no process')
  using fds = new Fds()
  using terminal = new ForegroundTerminal(runtime)
  using streams = new Streams(outside)
  const program = buildContainer(runtime, prepared, built => {
    const { executor, directory, record } = built
    const pidfd = fds.keep(outside.pidfdOpen(record.pid, []))
    const tail = runtime.phase('tail', () => {
      giveStreams(streams, prepared, !request.detach)
      return recordTail(executor, 'planner', (_, addHelper) => becomeContainer(runtime, built, streams, addHelper))
    })
    const master = built.confirm()
    if (master) fds.keep(master)
    runtime.phase('state', () => {
      writeRecord(outside, directory, record)
      writePidFile(runtime, request, record.pid)
    })
    const signals = catchSignals(runtime, request, master !== undefined)
    if (master) terminal.begin(master)
    const notify = runtime.phase('start', () => {
      executor.calls.send(tail.operations)
      sendPidfd(runtime, built.pidfdSocket, 'standard', pidfd)
      const slow = () => executor.calls.tellSlow(tail.operations)
      const ending = endingSignals(signals)
      const notify = built.notify && receiveNotify(outside, executor.control, slow, ending)
      awaitProgram(outside, executor.control, tail, slow, ending)
      return notify && fds.keep(notify)
    })
    directory.close()
    const { pid, cgroup, laterHooks } = record
    return { notify, pidfd, pid, signals, cgroup, laterHooks, terminal: master && terminal }
  })
  if (program.laterHooks) startedOrGone(runtime, request.id)
  if (request.detach) {
    if (program.notify) awaitReady(runtime, program.notify, program.pid)
    return 0
  }
  return await runtime.phase('wait and delete', () => supervise(runtime, request, program))
}

/** Runs poststart hooks; without them, or after them, the container runs. Errors: theirs, when the container is gone. */
export function startedOrGone(runtime: Runtime, id: string): void {
  try {
    using container = openContainer(runtime.outside, runtime.root, id, true)
    afterStart(runtime, container)
  } catch (error) {
    try {
      deleteContainer(runtime, id, true)
    } catch (second) {
      if (error instanceof Failure && second instanceof Failure) error.cleanup.push(second)
    }
    throw error
  }
}
