import { createNodeHost } from '../../native/hosts/node.ts'
import { createSharedPoll } from '../../native/hosts/nodePoll.ts'
import { createKernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import { createRuntime, type Runtime } from '../runtime.ts'
import type { Settings } from './thread.ts'

/** What there is once in this thread. */
function open() {
  const poll = createSharedPoll()
  const host = createNodeHost([], { poll })
  return { poll, host, outside: createKernel(new DirectCalls(host)) }
}

let opened: ReturnType<typeof open> | undefined

export function here(): ReturnType<typeof open> {
  opened ??= open()
  return opened
}

/** A runtime in this thread, for what takes no time, and for waits, which can be given up by `signal`. */
export function localRuntime(settings: Settings, signal?: AbortSignal): Runtime {
  const { host, outside, poll } = here()
  const abortable = {
    ...host,
    poll: (...[entries, timeoutMs]: Parameters<typeof poll>) => poll(entries, timeoutMs, signal),
  }
  return createRuntime(abortable, { ...settings, outside })
}
