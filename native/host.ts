import type { Architecture } from './arch/architecture.ts'

/** Memory that system calls can see: the bytes, and the address at which the kernel finds them. */
export interface Memory {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly address: number
}

/** A program to start: what posix_spawn(3) takes. Signals are reset to their defaults, none is blocked. */
export interface Spawn {
  /** A path, `/proc/self/fd/N` for a memfd. */
  readonly file: string
  readonly argv: readonly string[]
  /** `KEY=value` strings. */
  readonly env: readonly string[]
  /** `descriptors[n]` is the descriptor that becomes n in the new process; undefined leaves n alone. */
  readonly descriptors: readonly (number | undefined)[]
  /** Its working directory; without one it is that of this process. */
  readonly directory?: string | undefined
}

/** A descriptor to wait for; `events` as in poll(2). */
export interface Poll {
  readonly fd: number
  readonly events: number
}

/**
 * What a JavaScript engine must offer for tsrun to run in it. All the rest is written over these few functions, so a new
 * host is a new file beside `hosts/node.ts`, not a branch somewhere.
 */
export interface Host {
  /** Selects the table of system call numbers, and the executor. */
  readonly arch: Architecture
  /** Its name, with a version where there is one: for people. */
  readonly engine: string
  /** Why this is not the static binary, where that was wanted and is not there. */
  readonly noBinary: string | undefined
  /** The arguments after the program's name. */
  readonly argv: readonly string[]
  /** `KEY=value` strings, as environ(7). */
  readonly env: readonly string[]
  /** The soft RLIMIT_NOFILE that the caller had, when the engine changed it at its start. */
  readonly callerNofile: number | undefined
  /** The descriptors that the caller left open, when the engine has some of its own between them. */
  readonly callerDescriptors: readonly number[] | undefined

  /** One system call. Returns the kernel's result; an error is -errno. Addresses are below 2^47 and so exact. */
  syscall(number: number, args: readonly (number | bigint)[]): number
  /** The same with the six words at this address, where that is faster. */
  syscallAt?(number: number, address: number): number
  /** New private memory, page aligned, zeroed. */
  allocate(size: number): Memory
  /** Maps `size` bytes of a memfd, shared. */
  map(fd: number, size: number): Memory
  /** Takes back what `map` gave; nobody may look at it any more. */
  unmap(memory: Memory): void
  /** Starts a program. Returns its pid, or -errno. */
  spawn(program: Spawn): number
  /** Waits without blocking the engine's event loop where it has one. Resolves to revents, in the order given. */
  poll(entries: readonly Poll[], timeoutMs: number): Promise<number[]>
  /** From now on these signals are readable, one byte (the number) each, from the returned descriptor. */
  watchSignals(signals: readonly number[]): number
  exit(code: number): never
}
