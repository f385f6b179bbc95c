import koffi from 'koffi'
import { EINTR } from '../abi/errno.ts'
import { O_CLOEXEC } from '../abi/fcntl.ts'
import { POLLFD } from '../abi/layout/process.ts'
import { signals as signalNumbers } from '../abi/signal.ts'
import { architecture as arch, FOREIGN } from '../arch/architecture.ts'
import { callNumbers } from '../arch/numbers.ts'
import { Failure, KernelError } from '../failure.ts'
import type { Host, Memory, Poll, Spawn } from '../host.ts'

const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const MAP_PRIVATE_ANONYMOUS = 0x22
const POSIX_SPAWN_SETSIGDEF = 4
const POSIX_SPAWN_SETSIGMASK = 8
/** Larger than glibc's and musl's posix_spawn_file_actions_t, posix_spawnattr_t and sigset_t. */
const OPAQUE_SIZE = 512

export interface NodeHostOptions {
  /**
   * How long `poll` may hold up the event loop before it lets a thread wait: to start threads takes 1 ms. For a process
   * that does nothing else; signals end that time.
   */
  readonly patienceMs?: number
  /** Instead of `poll` of its own. */
  readonly poll?: Host['poll']
  /** Looked up when somebody asks. */
  readonly noBinary?: () => string | undefined
}

type Libc = ReturnType<typeof koffi.load>

/**
 * Node.js as a host: every system call goes through koffi to libc's syscall(2), which is the same on every machine.
 * Errors: Failure on a machine that there is no executor for.
 */
export function createNodeHost(argv: readonly string[], options: NodeHostOptions = {}): Host {
  const { patienceMs = 0, poll, noBinary } = options
  if (arch === undefined) throw new Failure(FOREIGN)
  const libc = koffi.load(null)
  const numbers = callNumbers[arch]
  const rawCall = libc.func('syscall', 'int64_t', Array(7).fill('int64_t'))

  const syscall = (number: number, args: readonly (number | bigint)[]): number => {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args
    const result = rawCall(number, a, b, c, d, e, f)
    return result === -1 ? -koffi.errno() : Number(result)
  }

  const mmap = (size: number, flags: number, fd: number): Memory => {
    const address = syscall(numbers.mmap, [0, size, PROT_READ_WRITE, flags, fd, 0])
    if (address < 0) throw new KernelError('mmap', -address, `${size} bytes`)
    const buffer = koffi.view(BigInt(address), size)
    return { bytes: new Uint8Array(buffer), view: new DataView(buffer), address }
  }
  const allocate = (size: number) => mmap(size, MAP_PRIVATE_ANONYMOUS, -1)

  return {
    arch,
    engine: `Node.js ${process.versions.node}`,
    get noBinary() {
      return noBinary?.()
    },
    argv,
    get env() {
      return Object.entries(process.env).map(([key, value]) => `${key}=${value}`)
    },
    callerNofile: callerNofile(),
    callerDescriptors: callerDescriptors(),
    syscall,
    allocate,
    map: (fd, size) => mmap(size, MAP_SHARED, fd),
    unmap: ({ address, bytes }) => void syscall(numbers.munmap, [address, bytes.length]),
    spawn: spawner(libc),
    poll: poll ?? poller(libc, patienceMs),
    watchSignals: signalWatcher(allocate, syscall),
    exit: code => {
      // Nothing waits to be written, and what Node.js does at its end takes 2 ms.
      syscall(numbers.exit_group, [code])
      throw new Error('exit_group() returned')
    },
  }
}

/** Signals become bytes in a pipe. */
function signalWatcher(allocate: Host['allocate'], syscall: Host['syscall']): Host['watchSignals'] {
  const numbers = callNumbers[arch!]
  return (watched: readonly number[]): number => {
    const { address, bytes, view } = allocate(16)
    syscall(numbers.pipe2, [address, O_CLOEXEC])
    const [read, write] = [view.getInt32(0, true), view.getInt32(4, true)]
    for (const [name, signal] of Object.entries(signalNumbers)) {
      if (!watched.includes(signal)) continue
      try {
        process.on(name as NodeJS.Signals, () => {
          bytes[8] = signal
          syscall(numbers.write, [write, address + 8, 1])
        })
      } catch {
        // SIGKILL, SIGSTOP and those that the engine keeps for itself can not be watched.
      }
    }
    return read
  }
}

function spawner(libc: Libc): Host['spawn'] {
  const once = lazily(() => ({
    posixSpawn: libc.func('posix_spawn', 'int', ['int *', 'str', 'void *', 'void *', 'str *', 'str *']),
    actionsInit: libc.func('posix_spawn_file_actions_init', 'int', ['void *']),
    actionsDup2: libc.func('posix_spawn_file_actions_adddup2', 'int', ['void *', 'int', 'int']),
    actionsDestroy: libc.func('posix_spawn_file_actions_destroy', 'int', ['void *']),
    attributes: spawnAttributes(libc),
  }))
  // glibc has it since 2.29, and only who has a directory needs it.
  const addChdir = lazily(() => libc.func('posix_spawn_file_actions_addchdir_np', 'int', ['void *', 'str']))
  return ({ file, argv, env, descriptors, directory }: Spawn): number => {
    const { posixSpawn, actionsInit, actionsDup2, actionsDestroy, attributes } = once()
    const actions = Buffer.alloc(OPAQUE_SIZE)
    actionsInit(actions)
    descriptors.forEach((from, to) => {
      if (from !== undefined) actionsDup2(actions, from, to)
    })
    if (directory !== undefined) addChdir()(actions, directory)
    const pidOut = Buffer.alloc(8)
    const errno = posixSpawn(pidOut, file, actions, attributes, [...argv, null], [...env, null])
    actionsDestroy(actions)
    return errno === 0 ? pidOut.readInt32LE(0) : -errno
  }
}

/** posix_spawnattr_t: all signals have their default actions, none is blocked. */
function spawnAttributes(libc: Libc): Buffer {
  const attributes = Buffer.alloc(OPAQUE_SIZE)
  const none = Buffer.alloc(OPAQUE_SIZE)
  // All bits, also the two that glibc keeps for itself and would leave ignored.
  const all = Buffer.alloc(OPAQUE_SIZE, 0xff)
  libc.func('posix_spawnattr_init', 'int', ['void *'])(attributes)
  const flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
  libc.func('posix_spawnattr_setflags', 'int', ['void *', 'short'])(attributes, flags)
  libc.func('posix_spawnattr_setsigmask', 'int', ['void *', 'void *'])(attributes, none)
  libc.func('posix_spawnattr_setsigdefault', 'int', ['void *', 'void *'])(attributes, all)
  return attributes
}

function poller(libc: Libc, patienceMs: number): Host['poll'] {
  const once = lazily(() => libc.func('poll', 'int', ['void *', 'uint64_t', 'int']))
  return async (entries: readonly Poll[], timeoutMs: number): Promise<number[]> => {
    const call = once()
    const fds = Buffer.alloc(POLLFD.size * entries.length)
    entries.forEach(({ fd, events }, i) => {
      fds.writeInt32LE(fd, POLLFD.size * i + POLLFD.fd)
      fds.writeInt16LE(events, POLLFD.size * i + POLLFD.events)
    })
    const failed = (count: number) => count < 0 && koffi.errno() !== EINTR
    const revents = () => entries.map((_, i) => fds.readInt16LE(POLLFD.size * i + POLLFD.revents))

    const patience = timeoutMs < 0 ? patienceMs : Math.min(patienceMs, timeoutMs)
    const count = call(fds, entries.length, patience)
    if (count > 0 || patience === timeoutMs) return revents()
    return new Promise((resolve, reject) => {
      call.async(fds, entries.length, timeoutMs, (error: unknown, count: number) => {
        if (error) reject(error)
        else resolve(failed(count) ? entries.map(() => 0) : revents())
      })
    })
  }
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

/** Node.js raises its soft limit of open files at its start; the program's first lines of shell keep the caller's. */
function callerNofile(): number | undefined {
  const soft = Number(process.env['TSRUN_NOFILE'])
  delete process.env['TSRUN_NOFILE']
  return Number.isInteger(soft) && soft > 0 ? soft : undefined
}

/** Node.js opens some of its own at its start, before any JavaScript runs; the program's first lines of shell name the caller's. */
function callerDescriptors(): readonly number[] | undefined {
  const names = process.env['TSRUN_DESCRIPTORS']
  delete process.env['TSRUN_DESCRIPTORS']
  return names?.split(' ').map(Number)
}
