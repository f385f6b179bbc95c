import { constants } from 'node:os'
import koffi from 'koffi'
import { KernelError } from '../failure.ts'
import type { Host, Memory, Poll, Spawn } from '../host.ts'

const PROT_READ_WRITE = 3
const MAP_SHARED = 1
const MAP_PRIVATE_ANONYMOUS = 0x22
const POSIX_SPAWN_SETSIGDEF = 4
const POSIX_SPAWN_SETSIGMASK = 8
/** Larger than glibc's and musl's posix_spawn_file_actions_t, posix_spawnattr_t and sigset_t. */
const OPAQUE_SIZE = 512

const EINTR = 4

function bindLibc() {
  const libc = koffi.load(null)
  const integers = (name: string, result: string, count: number) =>
    libc.func(name, result, Array(count).fill('int64_t'))
  return {
    syscall: integers('syscall', 'int64_t', 7),
    posixSpawn: libc.func('posix_spawn', 'int', ['int *', 'str', 'void *', 'void *', 'str *', 'str *']),
    poll: libc.func('poll', 'int', ['void *', 'uint64_t', 'int']),
    actionsInit: libc.func('posix_spawn_file_actions_init', 'int', ['void *']),
    actionsDup2: libc.func('posix_spawn_file_actions_adddup2', 'int', ['void *', 'int', 'int']),
    attrInit: libc.func('posix_spawnattr_init', 'int', ['void *']),
    attrFlags: libc.func('posix_spawnattr_setflags', 'int', ['void *', 'short']),
    attrDefault: libc.func('posix_spawnattr_setsigdefault', 'int', ['void *', 'void *']),
    attrMask: libc.func('posix_spawnattr_setsigmask', 'int', ['void *', 'void *']),
  }
}

/** Node.js as a host: every system call goes through koffi to libc's syscall(2), which is the same on every machine. */
export function createNodeHost(argv: readonly string[]): Host {
  const libc = bindLibc()
  const nofile = callerNofile()
  const arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64'

  const syscall = (number: number, args: readonly (number | bigint)[]): number => {
    const result = libc.syscall(
      number,
      args[0] ?? 0,
      args[1] ?? 0,
      args[2] ?? 0,
      args[3] ?? 0,
      args[4] ?? 0,
      args[5] ?? 0,
    )
    return result === -1 ? -koffi.errno() : Number(result)
  }

  const mmap = (size: number, flags: number, fd: number): Memory => {
    const number = arch === 'x86_64' ? 9 : 222
    const address = syscall(number, [0, size, PROT_READ_WRITE, flags, fd, 0])
    if (address < 0) throw new KernelError('mmap', -address, `${size} bytes`)
    const buffer = koffi.view(BigInt(address), size)
    return { bytes: new Uint8Array(buffer), view: new DataView(buffer), address }
  }

  const spawn = ({ file, argv, env, descriptors }: Spawn): number => {
    const actions = Buffer.alloc(OPAQUE_SIZE)
    libc.actionsInit(actions)
    descriptors.forEach((from, to) => {
      if (from !== undefined) libc.actionsDup2(actions, from, to)
    })
    const attributes = Buffer.alloc(OPAQUE_SIZE)
    const none = Buffer.alloc(OPAQUE_SIZE)
    // All bits, also the two that glibc keeps for itself and would leave ignored.
    const all = Buffer.alloc(OPAQUE_SIZE, 0xff)
    libc.attrInit(attributes)
    libc.attrFlags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)
    libc.attrMask(attributes, none)
    libc.attrDefault(attributes, all)
    const pidOut = Buffer.alloc(8)
    const errno = libc.posixSpawn(pidOut, file, actions, attributes, [...argv, null], [...env, null])
    return errno === 0 ? pidOut.readInt32LE(0) : -errno
  }

  const poll = (entries: readonly Poll[], timeoutMs: number): Promise<number[]> => {
    const fds = Buffer.alloc(8 * entries.length)
    entries.forEach(({ fd, events }, i) => {
      fds.writeInt32LE(fd, 8 * i)
      fds.writeInt16LE(events, 8 * i + 4)
    })
    return new Promise((resolve, reject) => {
      libc.poll.async(fds, entries.length, timeoutMs, (error: unknown, count: number) => {
        if (error) reject(error)
        else if (count < 0 && koffi.errno() !== EINTR) resolve(entries.map(() => 0))
        else resolve(entries.map((_, i) => fds.readInt16LE(8 * i + 6)))
      })
    })
  }

  const watchSignals = (signals: readonly number[]): number => {
    const pair = Buffer.alloc(8)
    const O_CLOEXEC = 0x80000
    const number = arch === 'x86_64' ? 293 : 59
    const memory = mmap(4096, MAP_PRIVATE_ANONYMOUS, -1)
    syscall(number, [memory.address, O_CLOEXEC])
    pair.set(memory.bytes.subarray(0, 8))
    const write = pair.readInt32LE(4)
    const names = signalNames()
    for (const signal of signals) {
      const name = names[signal]
      if (name === undefined) continue // Node.js knows no real-time signals
      try {
        process.on(name as NodeJS.Signals, () => {
          memory.bytes[16] = signal
          syscall(arch === 'x86_64' ? 1 : 64, [write, memory.address + 16, 1])
        })
      } catch {
        // SIGKILL, SIGSTOP and those that the engine keeps for itself can not be watched.
      }
    }
    return pair.readInt32LE(0)
  }

  return {
    arch,
    argv,
    env: Object.entries(process.env).map(([key, value]) => `${key}=${value}`),
    callerNofile: nofile,
    syscall,
    allocate: size => mmap(size, MAP_PRIVATE_ANONYMOUS, -1),
    map: (fd, size) => mmap(size, MAP_SHARED, fd),
    unmap: ({ address, bytes }) => void syscall(arch === 'x86_64' ? 11 : 215, [address, bytes.length]),
    spawn,
    poll,
    watchSignals,
    exit: code => process.exit(code),
  }
}

function signalNames(): Record<number, string> {
  return Object.fromEntries(Object.entries(constants.signals).map(([name, number]) => [number, name]))
}

/** Node.js raises its soft limit of open files at its start; the program's first lines of shell keep the caller's. */
function callerNofile(): number | undefined {
  const soft = Number(process.env['TSRUN_NOFILE'])
  delete process.env['TSRUN_NOFILE']
  return Number.isInteger(soft) && soft > 0 ? soft : undefined
}
