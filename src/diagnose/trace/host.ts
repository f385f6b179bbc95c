import { currentPhrase } from '../../../native/failure.ts'
import type { Host } from '../../../native/host.ts'
import type { MadeCall } from '../../../native/kernels/traced.ts'
import type { Recorder } from './recorder.ts'

/** The host, with what its engine does besides system calls in the trace too. */
export function tracedHost(host: Host, recorder: Recorder): Host {
  const { clock, made } = recorder
  const begin = (name: string, args: MadeCall['call']['args']) => {
    const phrase = currentPhrase()
    const start = clock.now()
    return (result: number) =>
      made({ call: { name, args, tolerate: undefined }, phrase, start, end: clock.now(), result })
  }
  return {
    ...host,
    map(fd, size) {
      const end = begin('mmap', [null, size, fd])
      const memory = host.map(fd, size)
      end(0)
      return memory
    },
    unmap(memory) {
      recorder.release(memory)
      const end = begin('munmap', [memory.bytes.length])
      host.unmap(memory)
      end(0)
    },
    spawn(program) {
      const end = begin('posix_spawn', [program.file, program.argv])
      const pid = host.spawn(program)
      end(pid)
      return pid
    },
    async poll(entries, timeoutMs) {
      const end = begin('poll', [...entries.map(({ fd }) => fd), timeoutMs])
      const events = await host.poll(entries, timeoutMs)
      end(events.filter(event => event !== 0).length)
      return events
    },
  }
}
