import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Runtime } from '../runtime.ts'
import { writeRecord } from '../state/store.ts'
import { type BuiltContainer, buildContainer } from './build.ts'
import { lastCapability } from './host.ts'
import { becomeProcess } from './identity.ts'
import { joinSessionKeyring } from './keyring.ts'
import { type CreateRequest, prepare } from './prepare.ts'
import { runStartContainerHooks } from './startContainerHooks.ts'
import { awaitStart, recordTail } from './tail.ts'

export type { CreateRequest } from './prepare.ts'

/**
 * Creates a container: everything is there and its first process waits for `start`. Errors: ConfigError, UsageError,
 * StateError when the id is taken, HostError, KernelError; in each case nothing is left behind.
 */
export function createContainer(runtime: Runtime, request: CreateRequest): void {
  const prepared = prepare(runtime, request)
  buildContainer(runtime, prepared, built => {
    const { executor, directory, record } = built
    runtime.phase('tail', () => {
      const tail = recordTail(executor, kernel => {
        awaitStart(kernel, executor, built.listener)
        becomeContainer(runtime, built, request)
      })
      executor.calls.send(tail)
    })
    runtime.phase('state', () => {
      built.listen()
      writeRecord(runtime.outside, directory, record)
      writePidFile(runtime, request, record.pid)
    })
    // The last word: from now on the first process waits for `start` whatever becomes of us.
    runtime.outside.writeAll(executor.control, new Uint8Array(8))
    directory.close()
  })
}

/** What every first process does in the end. */
export function becomeContainer(runtime: Runtime, built: BuiltContainer, request: CreateRequest): void {
  const { executor, program, plan } = built
  if (program === undefined) return
  runStartContainerHooks(built)
  if (!request.noNewKeyring) joinSessionKeyring(executor.kernel, plan.id)
  becomeProcess(executor.kernel, program, program.executable, {
    setgroupsAllowed: built.setgroupsAllowed,
    lastCapability: lastCapability(runtime.outside),
  })
}

/** The pid as decimal digits and nothing else; conmon and containerd read it when the command has ended. */
export function writePidFile({ outside, absolute }: Runtime, { pidFile }: CreateRequest, pid: number): void {
  if (pidFile !== undefined) outside.replaceFile(AT_FDCWD, absolute(pidFile), String(pid), 0o644)
}
