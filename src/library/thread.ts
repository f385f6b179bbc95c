import { parentPort } from 'node:worker_threads'
import { createNodeHost } from '../../native/hosts/node.ts'
import { createKernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { whenSlow } from '../../native/patience.ts'
import { createRuntime, type Runtime, type RuntimeOptions } from '../runtime.ts'
import { type SentError, sendError } from './failures.ts'
import { type OperationName, operations } from './operations.ts'

/** The options of a runtime that can be sent to a thread. */
export type Settings = Pick<RuntimeOptions, 'root' | 'cgroupManager' | 'rootless'>

export interface Job {
  readonly settings: Settings
  readonly name: OperationName
  readonly args: readonly unknown[]
}

/** What a thread says: any number of warnings, then how the job ended. */
export type ThreadMessage = { readonly warning: string } | { readonly value: unknown } | { readonly error: SentError }

/** The life of a thread: one job after the other. */
export function serve(): void {
  const port = parentPort!
  const send = (message: ThreadMessage) => port.postMessage(message)
  whenSlow(warning => send({ warning }))
  const host = createNodeHost([])
  const outside = createKernel(new DirectCalls(host))
  const runtimes = new Map<string, Runtime>()

  const runtimeFor = (settings: Settings): Runtime => {
    const key = JSON.stringify(settings)
    const runtime =
      runtimes.get(key) ??
      createRuntime(host, { ...settings, outside, reaps: false, warn: warning => send({ warning }) })
    runtimes.set(key, runtime)
    return runtime
  }

  port.on('message', async ({ settings, name, args }: Job) => {
    try {
      const operation = operations[name] as (runtime: Runtime, ...args: readonly unknown[]) => unknown
      send({ value: await operation(runtimeFor(settings), ...args) })
    } catch (error) {
      send({ error: sendError(error) })
    }
  })
}
