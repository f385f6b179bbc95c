import { EFBIG, EINVAL } from '../abi/errno.ts'
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
import { RLIMIT_FSIZE } from '../abi/resource.ts'
import type { Architecture } from '../arch/architecture.ts'
import type { Exit } from '../calls/process.ts'
import { Failure, KernelError } from '../failure.ts'
import { Fd, Fds, STDIO } from '../fd.ts'
import type { Host, Memory } from '../host.ts'
import { createKernel, type Kernel } from '../kernel.ts'
import { ExecutorCalls } from '../kernels/executor.ts'
import type { Call } from '../kernels/machine.ts'
import { NOT_DONE, type Operation } from '../kernels/operation.ts'
import { SLOW_MS } from '../patience.ts'
import { signalEnd } from '../signalEnd.ts'
import { get64, type Out } from '../struct.ts'
import { assemble as assembleAarch64 } from './aarch64.ts'
import { elfImage, EM_AARCH64, EM_X86_64 } from './elf.ts'
import { ARENA_ADDRESS, ARENA_FD, ARENA_SIZE, CONTROL_FD, FIRST_PASSED_FD, GUARD_FD, OP_RESULT } from './protocol.ts'
import { assemble as assembleX86_64 } from './x86_64.ts'

const LAST_FD = 0xffff_ffff
const SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE

/** A started executor, seen from the planner. */
export interface Executor {
  readonly pid: number
  readonly calls: ExecutorCalls
  /** The same calls with their types: what the executor does. */
  readonly kernel: Kernel<'inside'>
  /** The planner's end of the control socket, and of the guard socket. */
  readonly control: Fd<'outside'>
  readonly guard: Fd<'outside'>
  /** Numbers in the executor: of its control and guard descriptors. */
  readonly controlNumber: number
  readonly guardNumber: number
  /** A passed descriptor as the executor has it, which keeps it. Errors: Failure for one that it was not given. */
  passed(fd: Fd<'outside'>): Fd<'inside'>
  /** Announces that the executor clones itself; the kernel writes the pid to `pid`, which has to stay in the arena. */
  spawns(pid: Out): void
  /** Announces an operation that makes something which has to be taken back; it has to stay in the arena. */
  makes(what: string, operation: Operation): void
  /** Has that been done, also by an executor that is dead now? Unknown when that died in the midst of it, or before. */
  made(what: string): MadeState
  /** Pids of the processes cloned from it so far, which are the planner's children; oldest first. */
  children(): number[]
  /** Waits until the executor itself has ended; how, or undefined when somebody else has waited for it. */
  wait(): Exit | undefined
  /** The planner is done with it: closes its sockets and gives its memory back. The executor goes on if it can. */
  release(): void
}

export type MadeState = 'yes' | 'no' | 'unknown'

/** What the executor gets besides its own descriptors. */
export interface ExecutorOptions {
  /** Descriptors of the planner that are the container's: stdio by default, and what --preserve-fds names. */
  readonly inherited?: readonly number[] | undefined
  /** Descriptors of the planner that become the first ones of those, instead of its own. */
  readonly stdio?: readonly number[] | undefined
  /** Descriptors of the planner that the executor is to have. */
  readonly passed: readonly Fd<'outside'>[]
  /** Instead of plain ExecutorCalls, for a trace. */
  readonly makeCalls?: MakeExecutorCalls | undefined
}

export type MakeExecutorCalls = (...parts: ConstructorParameters<typeof ExecutorCalls>) => ExecutorCalls

const plainCalls: MakeExecutorCalls = (...parts) => new ExecutorCalls(...parts)

/** memfd_create with MFD_EXEC, which vm.memfd_noexec asks for and kernels before 6.3 refuse; `older` where it is denied. */
function executableMemfd(outside: Kernel<'outside'>, older: Call['older']): Fd<'outside'> {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
  const fd = outside.memfdCreate('tsrun', flags | MFD_EXEC, [EINVAL], older)
  return fd.exists ? fd : outside.memfdCreate('tsrun', flags)
}

const programs = {
  x86_64: { assemble: assembleX86_64, machine: EM_X86_64, images: new Map<number, Uint8Array>() },
  aarch64: { assemble: assembleAarch64, machine: EM_AARCH64, images: new Map<number, Uint8Array>() },
} satisfies Record<Architecture, unknown>

/** The executable file of the executor whose first descriptor is `base`; kept for the next one. */
export function executorImage(arch: Architecture, base: number): Uint8Array {
  const { assemble, machine, images } = programs[arch]
  const image = images.get(base) ?? elfImage(assemble(base), machine)
  images.set(base, image)
  return image
}

/** A sealed memfd with the executor's image: nobody can write to the executable of a container's first process. */
function sealedImage(host: Host, outside: Kernel<'outside'>, base: number, fds: Fds): Fd<'outside'> {
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

/** A limit of the caller's for files (ulimit -f) counts for memory, too, but is the container's: it is back before that is made. */
function giveSize(outside: Kernel<'outside'>, arena: Fd<'outside'>): void {
  if (outside.ftruncate(arena, ARENA_SIZE, [EFBIG]).value >= 0) return
  const { soft, hard } = outside.getLimit(0, RLIMIT_FSIZE)!
  const size = BigInt(ARENA_SIZE)
  const name = 'our own RLIMIT_FSIZE'
  outside.setLimit(0, RLIMIT_FSIZE, size, hard < size ? size : hard, name)
  try {
    outside.ftruncate(arena, ARENA_SIZE)
  } finally {
    outside.setLimit(0, RLIMIT_FSIZE, soft, hard, name)
  }
}

/** Starts an executor in the planner's own namespaces. */
export function launchExecutor(host: Host, outside: Kernel<'outside'>, options: ExecutorOptions): Executor {
  const { inherited = STDIO, makeCalls = plainCalls } = options
  const base = inherited.at(-1)! + 1
  using own = new Fds()
  using passing = new Fds()
  const image = sealedImage(host, outside, base, passing)
  const arena = passing.keep(outside.memoryFile('arena'))
  giveSize(outside, arena)
  const pair = () => {
    const [ours, theirs] = outside.socketpair()
    return [own.keep(ours), passing.keep(theirs)] as const
  }
  const [control, childControl] = pair()
  outside.socketTimeout(control, 'receive', SLOW_MS)
  const [guard, childGuard] = pair()

  const first = base + FIRST_PASSED_FD
  // Passed descriptors keep their numbers, and all else comes from where nothing goes, or one dup2 of the spawn would overwrite
  // the source of another.
  const lift = (fd: number) => (fd >= first ? fd : passing.keep(outside.duplicate(fd, first)).number)
  const program = lift(image.number)
  const { descriptors, gaps, numbers } = arrange(options, base, program, lift)
  descriptors[base + ARENA_FD] = lift(arena.number)
  descriptors[base + CONTROL_FD] = lift(childControl.number)
  descriptors[base + GUARD_FD] = lift(childGuard.number)
  const { memory, pid } = spawn(host, arena, program, descriptors)
  own.take()

  const children = new Children(memory, outside, pid)
  const calls = makeCalls(memory, host.arch, outside, control, () => children.deathOfLast())
  const kernel = createKernel<'inside'>(calls)
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
    passed: fd => passedFd(kernel, numbers, fd),
    ...announcements(memory),
    spawns: out => children.announce(out),
    children: () => children.pids(),
    wait: () => children.wait(),
    release: () => {
      control.close()
      guard.close()
      host.unmap(memory)
    },
  }
}

/** What the descriptors of an executor are copies of, by their numbers in it. */
interface Arrangement {
  readonly descriptors: (number | undefined)[]
  /** Numbers between those of the container. */
  readonly gaps: readonly number[]
  readonly numbers: ReadonlyMap<Fd<'outside'>, number>
}

function arrange(
  { inherited = STDIO, stdio = [], passed }: ExecutorOptions,
  base: number,
  program: number,
  lift: (fd: number) => number,
): Arrangement {
  const descriptors: (number | undefined)[] = []
  // Nothing that the executor opens may come to lie in a gap between those of the container.
  const gaps = Array.from({ length: base }, (_, fd) => fd).filter(fd => !inherited.includes(fd))
  for (const fd of gaps) descriptors[fd] = program
  for (const fd of inherited) descriptors[fd] = fd
  stdio.forEach((fd, to) => {
    descriptors[to] = lift(fd)
  })
  const numbers = new Map(passed.map(fd => [fd, lift(fd.number)]))
  for (const number of numbers.values()) descriptors[number] = number
  return { descriptors, gaps, numbers }
}

function passedFd(kernel: Kernel<'inside'>, numbers: Arrangement['numbers'], fd: Fd<'outside'>): Fd<'inside'> {
  const value = numbers.get(fd)
  if (value === undefined) throw new Failure(`\`${fd.subject}\` was not passed to the executor`)
  return new Fd<'inside'>(kernel, value, fd.subject).take()
}

/** Errors: KernelError. */
function spawn(host: Host, arena: Fd<'outside'>, program: number, descriptors: (number | undefined)[]) {
  const memory = host.map(arena.number, ARENA_SIZE)
  const pid = host.spawn({ file: `/proc/self/fd/${program}`, argv: ['tsrun'], env: [], descriptors })
  if (pid >= 0) return { memory, pid }
  host.unmap(memory)
  throw new KernelError('posix_spawn', -pid, 'the executor')
}

/** The executor as a child of the planner, and the processes that were cloned from it, which are, too. */
class Children {
  readonly #memory: Memory
  readonly #outside: Kernel<'outside'>
  readonly #pid: number
  readonly #announced: Out[] = []
  #exit: Exit | undefined

  constructor(memory: Memory, outside: Kernel<'outside'>, pid: number) {
    this.#memory = memory
    this.#outside = outside
    this.#pid = pid
  }

  announce(pid: Out): void {
    this.#announced.push(pid)
  }

  pids(): number[] {
    const { view } = this.#memory
    return this.#announced.map(out => view.getInt32(out.address - ARENA_ADDRESS, true)).filter(child => child > 0)
  }

  wait(): Exit | undefined {
    this.#exit ??= this.#outside.wait(this.#pid, 0, 'any')
    return this.#exit
  }

  /** How the one ended that takes batches: the last that was cloned. */
  deathOfLast(): string {
    const listener = this.pids().at(-1)
    return deathReason(listener === undefined ? this.wait() : this.#outside.wait(listener, 0, 'any'))
  }
}

/** Operations that make something, and what has become of them. */
function announcements(memory: Memory): Pick<Executor, 'makes' | 'made'> {
  const making = new Map<string, Operation>()
  return {
    makes: (what, operation) => void making.set(what, operation),
    made: what => {
      const operation = making.get(what)
      if (operation === undefined) return 'no'
      const result = get64(memory.view, operation.offset + OP_RESULT)
      return result === NOT_DONE ? 'unknown' : result < 0 ? 'no' : 'yes'
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
