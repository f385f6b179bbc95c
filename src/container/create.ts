import { lastCapability } from '../host/host.ts'
import { isOwn } from '../plan/namespaces/namespaces.ts'
import type { Runtime } from '../runtime.ts'
import { type BuiltContainer, buildContainer } from '../setup/build.ts'
import { handOverNotify } from '../setup/facilities/notify.ts'
import { loadFilter } from '../setup/facilities/seccomp.ts'
import { runStartContainerHooks } from '../setup/hooks/startContainerHooks.ts'
import { type CreateRequest, type Prepared, prepare } from '../setup/prepare.ts'
import { becomeProcess } from '../setup/process/identity.ts'
import { awaitStart, type HelperChain, recordTail } from '../setup/tail.ts'
import { writeRecord } from '../state/store.ts'
import { writePidFile } from '../streams/pidFile.ts'
import { sendPidfd } from '../streams/pidfdSocket.ts'
import { ownUid, Streams } from '../streams/streams.ts'

export type { CreateRequest } from '../setup/prepare.ts'

/**
 * Creates a container: everything is there and its first process waits for `start`. Errors: ConfigError, UsageError,
 * StateError when the id is taken, HostError, KernelError; in each case nothing is left behind.
 */
export function createContainer(runtime: Runtime, request: CreateRequest): void {
  const prepared = prepare(runtime, request)
  buildContainer(runtime, prepared, built => {
    const { executor, directory, record } = built
    runtime.phase('tail', () => {
      const streams = new Streams(runtime.outside)
      giveStreams(streams, prepared)
      const tail = recordTail(executor, 'start', (kernel, addHelper) => {
        awaitStart(kernel, executor, built.listener)
        becomeContainer(runtime, built, streams, addHelper)
      })
      built.confirm()
      executor.calls.send(tail.operations)
    })
    runtime.phase('state', () => {
      built.listen()
      writeRecord(runtime.outside, directory, record)
      writePidFile(runtime, request, record.pid)
      if (built.pidfdSocket) {
        using pidfd = runtime.outside.pidfdOpen(record.pid, [])
        sendPidfd(runtime, built.pidfdSocket, 'standard', pidfd)
      }
    })
    // The last word: from now on the first process waits for `start` whatever becomes of us.
    runtime.outside.writeAll(executor.control, new Uint8Array(8))
    directory.close()
  })
}

/** What leads out of the container becomes its user's; `lendTerminals` as Streams has it. */
export function giveStreams(streams: Streams, { plan, request, privileged }: Prepared, lendTerminals = false): void {
  const { process, namespaces } = plan
  if (process === undefined || process.terminal !== undefined) return
  const uid = ownUid(process.uid, isOwn(namespaces, 'user'), namespaces.uidMappings, privileged)
  streams.give(uid, request.stdio, lendTerminals)
}

/** What every first process does in the end. */
export function becomeContainer(
  runtime: Runtime,
  built: BuiltContainer,
  { left }: Streams,
  addHelper: (helper: HelperChain) => void,
): void {
  const { executor, program, plan, notify, setgroupsAllowed } = built
  if (program === undefined) return
  const facts = { setgroupsAllowed, lastCapability: lastCapability(runtime.outside) }
  runStartContainerHooks(built, program, facts)
  if (notify) handOverNotify(executor.kernel, executor, notify)
  becomeProcess(executor.kernel, program, program.executable.path(), {
    ...facts,
    labels: built.labels,
    streams: left,
    loadFilter: plan.seccomp && (() => loadFilter(built, plan.seccomp!, addHelper)),
  })
}
