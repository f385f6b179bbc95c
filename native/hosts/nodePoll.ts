import koffi from 'koffi'
import { F_DUPFD_CLOEXEC } from '../abi/fcntl.ts'
import { POLLFD } from '../abi/layout/process.ts'
import { KernelError } from '../failure.ts'
import type { Poll } from '../host.ts'

// <sys/epoll.h>, <sys/eventfd.h>
const EPOLL_CLOEXEC = 0x80000
const EPOLL_CTL_ADD = 1
const EPOLL_CTL_DEL = 2
const EPOLLIN = 1
const EPOLLONESHOT = 0x4000_0000
const EFD_CLOEXEC_NONBLOCK = 0x80800
/** `struct epoll_event` is packed on x86-64 only, see epoll_event(3type); the number that we choose lies at its end. */
const [EVENT_SIZE, EVENT_DATA] = process.arch === 'x64' ? [12, 4] : [16, 8]
const EVENTS_AT_ONCE = 64
/** How long the thread sleeps at most: when it is the only one of the pool, others want it, too. */
const NAP_MS = process.env['UV_THREADPOOL_SIZE'] === '1' ? 20 : -1

/** The number of the wake-up call among those of the waits. */
const WAKE = 0

/** `poll` of a Host, which can also be given up: then it rejects with the reason of `signal`. */
export type AbortablePoll = (entries: readonly Poll[], timeoutMs: number, signal?: AbortSignal) => Promise<number[]>

/**
 * A poll(2) for many waits at once: all of them together hold one thread of Node.js's pool, none when nothing is waited
 * for. A pending wait keeps the process alive.
 */
export function createSharedPoll(): AbortablePoll {
  const poller = new SharedPoll()
  return (entries, timeoutMs, signal) => poller.poll(entries, timeoutMs, signal)
}

class SharedPoll {
  readonly #calls = systemCalls()
  readonly #epoll = checked('epoll_create1', this.#calls.epollCreate(EPOLL_CLOEXEC))
  readonly #bell = checked('eventfd', this.#calls.eventfd(0, EFD_CLOEXEC_NONBLOCK))
  readonly #events = Buffer.alloc(EVENT_SIZE * EVENTS_AT_ONCE)
  /** What to do when a wait is over, by its number. */
  readonly #waits = new Map<number, () => void>()
  #last = WAKE
  #sleeping = false

  constructor() {
    this.#watch(this.#bell, EPOLLIN, WAKE)
    // At its end Node.js waits until all threads of its pool have finished.
    process.on('exit', () => this.#wake())
  }

  async poll(entries: readonly Poll[], timeoutMs: number, signal?: AbortSignal): Promise<number[]> {
    signal?.throwIfAborted()
    const found = this.#look(entries)
    if (timeoutMs === 0 || found.some(revents => revents !== 0)) return found
    const { promise, settle } = this.#wait(entries, timeoutMs, signal)
    try {
      return await promise
    } finally {
      settle()
    }
  }

  #wait(entries: readonly Poll[], timeoutMs: number, signal: AbortSignal | undefined) {
    const id = ++this.#last
    // An open file can be waited for once under each of its numbers; these are of this wait alone.
    const own = entries.map(({ fd }) => checked('fcntl', this.#calls.fcntl(fd, F_DUPFD_CLOEXEC, 0)))
    let timer: NodeJS.Timeout | undefined
    let abort: (() => void) | undefined
    const promise = new Promise<number[]>((resolve, reject) => {
      const finish = () => resolve(this.#look(entries))
      abort = () => reject(signal!.reason)
      this.#waits.set(id, finish)
      if (timeoutMs > 0) timer = setTimeout(finish, timeoutMs)
      signal?.addEventListener('abort', abort)
      entries.forEach(({ events }, i) => {
        this.#watch(own[i]!, events | EPOLLONESHOT, id)
      })
      this.#sleep()
    })
    const settle = () => {
      clearTimeout(timer)
      if (abort) signal?.removeEventListener('abort', abort)
      this.#waits.delete(id)
      for (const fd of own) {
        this.#calls.epollControl(this.#epoll, EPOLL_CTL_DEL, fd, null)
        this.#calls.close(fd)
      }
      if (this.#waits.size === 0) this.#wake()
    }
    return { promise, settle }
  }

  #watch(fd: number, events: number, id: number): void {
    const event = Buffer.alloc(EVENT_SIZE)
    event.writeUInt32LE(events, 0)
    event.writeUInt32LE(id >>> 0, EVENT_DATA)
    checked('epoll_ctl', this.#calls.epollControl(this.#epoll, EPOLL_CTL_ADD, fd, event))
  }

  /** The one thread: sleeps as long as there is something to wait for. */
  #sleep(): void {
    if (this.#sleeping || this.#waits.size === 0) return
    this.#sleeping = true
    this.#calls.epollWait.async(
      this.#epoll,
      this.#events,
      EVENTS_AT_ONCE,
      NAP_MS,
      (_error: unknown, count: number | undefined) => {
        this.#sleeping = false
        for (let i = 0; i < (count ?? 0); i++) this.#happened(this.#events.readUInt32LE(EVENT_SIZE * i + EVENT_DATA))
        this.#sleep()
      },
    )
  }

  #happened(id: number): void {
    if (id === WAKE) this.#calls.read(this.#bell, Buffer.alloc(8), 8)
    else this.#waits.get(id)?.()
  }

  #wake(): void {
    const one = Buffer.alloc(8)
    one.writeUInt32LE(1)
    if (this.#sleeping) this.#calls.write(this.#bell, one, 8)
  }

  /** poll(2) without waiting. */
  #look(entries: readonly Poll[]): number[] {
    const fds = Buffer.alloc(POLLFD.size * entries.length)
    entries.forEach(({ fd, events }, i) => {
      fds.writeInt32LE(fd, POLLFD.size * i + POLLFD.fd)
      fds.writeInt16LE(events, POLLFD.size * i + POLLFD.events)
    })
    this.#calls.poll(fds, entries.length, 0)
    return entries.map((_, i) => fds.readInt16LE(POLLFD.size * i + POLLFD.revents))
  }
}

function systemCalls() {
  const libc = koffi.load(null)
  return {
    epollCreate: libc.func('epoll_create1', 'int', ['int']),
    epollControl: libc.func('epoll_ctl', 'int', ['int', 'int', 'int', 'void *']),
    epollWait: libc.func('epoll_wait', 'int', ['int', 'void *', 'int', 'int']),
    eventfd: libc.func('eventfd', 'int', ['uint', 'int']),
    fcntl: libc.func('fcntl', 'int', ['int', 'int', 'int']),
    poll: libc.func('poll', 'int', ['void *', 'uint64_t', 'int']),
    read: libc.func('read', 'int64_t', ['int', 'void *', 'uint64_t']),
    write: libc.func('write', 'int64_t', ['int', 'void *', 'uint64_t']),
    close: libc.func('close', 'int', ['int']),
  }
}

function checked(call: string, result: number): number {
  if (result < 0) throw new KernelError(call, koffi.errno())
  return result
}
