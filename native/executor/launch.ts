import { EINVAL } from '../abi/errno.ts'
import {
  CLOSE_RANGE_CLOEXEC,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_EXEC,
} from '../abi/fcntl.ts'
import type { Exit } from '../calls/process.ts'
import { Failure, KernelError } from '../failure.ts'
import { type Fd, Fds } from '../fd.ts'
import type { Host } from '../host.ts'
import { createKernel, type Kernel } from '../kernel.ts'
import { ExecutorCalls, NOT_DONE, type Operation } from '../kernels/executor.ts'
import type { Call } from '../kernels/machine.ts'
import { SLOW_MS } from '../patience.ts'
import { signalEnd } from '../signalEnd.ts'
import { get64, type Out } from '../struct.ts'
import { EM_X86_64, elfImage } from './elf.ts'
import { ARENA_ADDRESS, ARENA_FD, ARENA_SIZE, CONTROL_FD, FIRST_GIFT_FD, GUARD_FD, OP_RESULT } from './protocol.ts'
import { assemble } from './x86_64.ts'

const LAST_FD = 0xffff_ffff
const STDIO = [0, 1, 2]
const SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE

/** A started executor, seen from the planner. */
export interface Executor {
  readonly pid: number
  readonly calls: ExecutorCalls
  /** The same calls with their types: what the executor does. */
  readonly kernel: Kernel
  /** The planner's end of the control socket, and of the guard socket. */
  readonly control: Fd
  readonly guard: Fd
  /** Numbers in the executor: of its control and guard descriptors, and of each passed descriptor. */
  readonly controlNumber: number
  readonly guardNumber: number
  readonly passed: ReadonlyMap<Fd, number>
  /** Announces that the executor clones itself; the kernel writes the pid to `pid`, which has to stay in the arena. */
  spawns(pid: Out): void
  /** Announces an operation that makes something which has to be taken back; it has to stay in the arena. */
  makes(what: string, operation: Operation): void
  /** Has that been done, also by an executor that is dead now? Unknown when that died in the midst of it, or before. */
  made(what: string): Made
  /** Pids of the processes cloned from it so far, which are the planner's children; oldest first. */
  children(): number[]
  /** Waits until the executor itself has ended; how, or undefined when somebody else has waited for it. */
  wait(): Exit | undefined
  /** The planner is done with it: closes its sockets and gives its memory back. The executor goes on if it can. */
  release(): void
}

export type Made = 'yes' | 'no' | 'unknown'

/** What the executor gets besides its own descriptors. */
export interface ExecutorOptions {
  /** Descriptors of the planner that are the container's: stdio by default, and what --preserve-fds names. */
  readonly inherited?: readonly number[] | undefined
  /** Descriptors of the planner that become the first ones of those, instead of its own. */
  readonly stdio?: readonly number[] | undefined
  /** Descriptors of the planner that the executor is to have. */
  readonly passed: readonly Fd[]
  /** Instead of plain ExecutorCalls, for a trace. */
  readonly makeCalls?: MakeExecutorCalls | undefined
}

export type MakeExecutorCalls = (...parts: ConstructorParameters<typeof ExecutorCalls>) => ExecutorCalls

const plainCalls: MakeExecutorCalls = (...parts) => new ExecutorCalls(...parts)

/** memfd_create with MFD_EXEC, which vm.memfd_noexec asks for and kernels before 6.3 refuse; `older` where it is denied. */
function executableMemfd(outside: Kernel, older: Call['older']): Fd {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
  const fd = outside.memfdCreate('tsrun', flags | MFD_EXEC, [EINVAL], older)
  return fd.exists ? fd : outside.memfdCreate('tsrun', flags)
}

const images = new Map<number, Uint8Array>()

/** The executable file of the executor whose first descriptor is `base`; kept for the next one. */
export function executorImage(arch: Host['arch'], base: number): Uint8Array {
  if (arch !== 'x86_64') throw new Failure(`there is no executor for ${arch} yet`)
  const image = images.get(base) ?? elfImage(assemble(base), EM_X86_64)
  images.set(base, image)
  return image
}

/** A sealed memfd with the executor's image: nobody can write to the executable of a container's first process. */
function sealedImage(host: Host, outside: Kernel, base: number, fds: Fds): Fd {
  const bytes = executorImage(host.arch, base)
  let isSealed = false
  const older = () => {
    const file = outside.readonlyFile('tsrun', bytes)
    isSealed = file !== undefined
    return file
  }
  const image = fds.keep(executableMemfd(outside, older))
  if (isSealed) return image
  outside.writeAll(image, bytes)
  outside.seal(image, SEALS)
  return image
}

/** Starts an executor in the planner's own namespaces. */
export function launchExecutor(host: Host, outside: Kernel, options: ExecutorOptions): Executor {
  const { inherited = STDIO, stdio = [], passed, makeCalls = plainCalls } = options
  const base = inherited.at(-1)! + 1
  const first = base + FIRST_GIFT_FD
  using own = new Fds()
  using passing = new Fds()
  const image = sealedImage(host, outside, base, passing)
  const arena = passing.keep(outside.memoryFile('arena'))
  outside.ftruncate(arena, ARENA_SIZE)
  const pair = () => {
    const [ours, theirs] = outside.socketpair()
    return [own.keep(ours), passing.keep(theirs)] as const
  }
  const [control, childControl] = pair()
  outside.socketTimeout(control, 'receive', SLOW_MS)
  const [guard, childGuard] = pair()

  const descriptors: (number | undefined)[] = []
  // Gifts keep their numbers, and all else comes from where nothing goes, or one dup2 of the spawn would overwrite the source of another.
  const lift = (fd: number) => (fd >= first ? fd : passing.keep(outside.duplicate(fd, first)).number)
  const give = (fd: Fd, to: number) => {
    descriptors[to] = lift(fd.number)
  }
  const program = lift(image.number)
  // Nothing that the executor opens may come to lie in a gap between those of the container.
  const gaps = Array.from({ length: base }, (_, fd) => fd).filter(fd => !inherited.includes(fd))
  for (const fd of gaps) descriptors[fd] = program
  for (const fd of inherited) descriptors[fd] = fd
  stdio.forEach((fd, to) => {
    descriptors[to] = lift(fd)
  })
  give(arena, base + ARENA_FD)
  give(childControl, base + CONTROL_FD)
  give(childGuard, base + GUARD_FD)
  const numbers = new Map<Fd, number>()
  for (const passedFd of passed) {
    const number = lift(passedFd.number)
    numbers.set(passedFd, number)
    descriptors[number] = number
  }
  const file = `/proc/self/fd/${program}`
  const memory = host.map(arena.number, ARENA_SIZE)
  const pid = host.spawn({ file, argv: ['tsrun'], env: [], descriptors })
  if (pid < 0) {
    host.unmap(memory)
    throw new KernelError('posix_spawn', -pid, 'the executor')
  }
  own.take()

  const spawned: Out[] = []
  const making = new Map<string, Operation>()
  const children = () =>
    spawned.map(out => memory.view.getInt32(out.address - ARENA_ADDRESS, true)).filter(child => child > 0)
  let exit: Exit | undefined
  const wait = () => {
    exit ??= outside.wait(pid, 0, 'any')
    return exit
  }
  const died = () => {
    const listener = children().at(-1) // the last one that was born
    return deathReason(listener === undefined ? wait() : outside.wait(listener, 0, 'any'))
  }
  const calls = makeCalls(memory, host.arch, outside, control, died)
  const kernel = createKernel(calls)
  closeBetween(kernel, first, numbers.values())
  for (const fd of gaps) kernel.closeRange(fd, fd, CLOSE_RANGE_CLOEXEC)
  kernel.closeRange(base, LAST_FD, CLOSE_RANGE_CLOEXEC)
  kernel.later({ name: 'close', args: [base + ARENA_FD] })
  return {
    pid,
    calls,
    kernel,
    control,
    guard,
    controlNumber: base + CONTROL_FD,
    guardNumber: base + GUARD_FD,
    passed: numbers,
    spawns: out => void spawned.push(out),
    makes: (what, operation) => void making.set(what, operation),
    made: what => {
      const operation = making.get(what)
      if (operation === undefined) return 'no'
      const result = get64(memory.view, operation.offset + OP_RESULT)
      return result === NOT_DONE ? 'unknown' : result < 0 ? 'no' : 'yes'
    },
    children,
    wait,
    release: () => {
      control.close()
      guard.close()
      host.unmap(memory)
    },
  }
}

/** Whatever else the planner inherited stays out of the container. */
function closeBetween(kernel: Kernel, first: number, kept: Iterable<number>): void {
  let next = first
  for (const fd of [...kept].sort((a, b) => a - b)) {
    if (fd > next) kernel.closeRange(next, fd - 1, 0)
    next = fd + 1
  }
  kernel.closeRange(next, LAST_FD, 0)
}

/** How a child that ended went, in words. */
function deathReason(exit: Exit | undefined): string {
  if (exit === undefined) return 'it is gone'
  return exit.signal === undefined ? `exit code ${exit.code}` : signalEnd(exit.signal)
}
