// Starts what is measured, and takes its time.
//
// A large process is a bad parent: Node.js needs milliseconds to fork, and Linux counts the parent's memory as the peak
// of a child that has just been born of it. So commands are started by an executor (native/executor), a process of some
// kilobytes without a heap: one batch of its own reads the clock, clones, executes, waits, and reads the clock again.
// Node.js sleeps meanwhile. What this costs is measured as well, by a command that does nothing.

import { AT_FDCWD, O_RDWR } from '../../native/abi/fcntl.ts'
import { CLONE_ARGS } from '../../native/abi/layout/process.ts'
import { SIGCHLD, SIGKILL } from '../../native/abi/signal.ts'
import { POLLIN } from '../../native/abi/socket.ts'
import { CLOCK_MONOTONIC } from '../../native/abi/time.ts'
import { cloneArgs } from '../../native/calls/process.ts'
import { type Executor, launchExecutor } from '../../native/executor/launch.ts'
import { ARENA_ADDRESS, MESSAGE_SIZE, OP_RESULT } from '../../native/executor/protocol.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import { createNodeHost } from '../../native/hosts/node.ts'
import { createKernel, type Kernel } from '../../native/kernel.ts'
import { DirectCalls } from '../../native/kernels/direct.ts'
import type { Operation } from '../../native/kernels/operation.ts'
import { get64, Out } from '../../native/struct.ts'

// <bits/types/struct_rusage.h>: two timevals of seconds and microseconds, then ru_maxrss in KiB.
const RUSAGE_SIZE = 144
const RU_UTIME = 0
const RU_STIME = 16
const RU_MAXRSS = 32
const TIMEOUT_MS = 120_000

/** What commands see of the environment: the same for all of them. */
const ENVIRONMENT = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LANG=C']

export interface Sample {
  /** From before the first clone to after the last wait. */
  readonly milliseconds: number
  /** How the commands ended, in the order in which they did: a status of wait(2), 0 for success. */
  readonly statuses: readonly number[]
  /** The peak of the largest single process, the commands and everything that they have waited for, see getrusage(2). */
  readonly peakKiB: number
  /** User and system time of the commands and everything that they have waited for. */
  readonly cpuMilliseconds: number
}

/** One or more commands, ready to be started any number of times. */
export interface Launch {
  run(): Sample
}

interface Wait {
  readonly status: Out
  readonly usage: Out
}

export class Launcher {
  readonly #outside: Kernel
  readonly #executor: Executor
  readonly #null: Fd<'inside'>
  readonly #fds = new Fds()
  #closed = false

  constructor() {
    const host = createNodeHost([])
    this.#outside = createKernel(new DirectCalls(host))
    const nothing = this.#fds.keep(this.#outside.openat(AT_FDCWD, '/dev/null', O_RDWR))
    this.#executor = launchExecutor(host, this.#outside, { passed: [nothing] })
    this.#executor.kernel.flush()
    this.#null = this.#executor.passed(nothing)
  }

  /**
   * Prepares commands that run at most `window` at a time: the next is started when one ends. Their stdio is /dev/null.
   * `env` comes on top of the common environment.
   */
  prepare(commands: readonly (readonly string[])[], window = 1, env: readonly string[] = []): Launch {
    const { calls, kernel } = this.#executor
    const before = new Out(16)
    const after = new Out(16)
    const waits: Wait[] = []
    const spawned: { clone: Operation; child: Operation[] }[] = []
    const wait = () => {
      const entry = { status: new Out(8), usage: new Out(RUSAGE_SIZE) }
      waits.push(entry)
      kernel.later({ name: 'wait4', args: [-1, entry.status, 0, entry.usage] })
    }
    const chain = calls.record(() => {
      kernel.later({ name: 'clock_gettime', args: [CLOCK_MONOTONIC, before] })
      commands.forEach((words, i) => {
        if (i >= window) wait()
        const clone = calls.later({
          name: 'clone3',
          args: [cloneArgs({ flags: 0n, exitSignal: SIGCHLD }), CLONE_ARGS.size],
        })
        spawned.push({ clone, child: calls.record(() => this.#child(words, env)) })
      })
      while (waits.length < commands.length) wait()
      kernel.later({ name: 'clock_gettime', args: [CLOCK_MONOTONIC, after] })
    })
    for (const { clone, child } of spawned) {
      calls.link(child, 0, child.at(-1)!.address)
      clone.branch({ zero: child[0]!.address })
    }
    // A failed call stops the chain: then the clock at its end was not read.
    calls.link(chain, 0)
    calls.keep()
    return { run: () => this.#run(chain, before, after, waits) }
  }

  #child(words: readonly string[], env: readonly string[]): void {
    const { kernel } = this.#executor
    for (const fd of [0, 1, 2]) kernel.later({ name: 'dup3', args: [this.#null, fd, 0] })
    kernel.later({ name: 'execve', args: [words[0]!, words, [...ENVIRONMENT, ...env]] })
    kernel.exit(127)
  }

  #run(chain: readonly Operation[], before: Out, after: Out, waits: readonly Wait[]): Sample {
    const { calls, control } = this.#executor
    const { view, bytes } = calls.space.memory
    const at = (out: Out) => out.address - ARENA_ADDRESS
    bytes.fill(0, at(after), at(after) + 16)
    calls.send(chain)
    const [ready] = this.#outside.poll([{ fd: control, events: POLLIN }], TIMEOUT_MS)
    if (!ready) throw new Error(`a command took longer than ${TIMEOUT_MS / 1000} seconds`)
    const message = new Out(MESSAGE_SIZE)
    if (this.#outside.now({ name: 'read', args: [control, message, MESSAGE_SIZE] }) !== MESSAGE_SIZE)
      throw new Error('the process that starts the commands was killed')
    const nanoseconds = (out: Out) => get64(view, at(out)) * 1e9 + get64(view, at(out) + 8)
    if (nanoseconds(after) === 0) {
      const failed = chain.find(({ offset }) => get64(view, offset + OP_RESULT) < 0)
      throw new Error(`${failed?.call.name ?? 'a call'} failed while the commands were started`)
    }
    return {
      milliseconds: (nanoseconds(after) - nanoseconds(before)) / 1e6,
      statuses: waits.map(({ status }) => view.getInt32(at(status), true)),
      cpuMilliseconds: waits.reduce((sum, { usage }) => sum + cpuTime(view, at(usage)), 0),
      peakKiB: Math.max(...waits.map(({ usage }) => get64(view, at(usage) + RU_MAXRSS))),
    }
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#outside.now({ name: 'kill', args: [this.#executor.pid, SIGKILL], tolerate: 'any' })
    this.#executor.release()
    this.#outside.wait(this.#executor.pid, 0, 'any')
    this.#fds[Symbol.dispose]()
  }
}

/** Milliseconds, of a struct rusage. */
function cpuTime(view: DataView, usage: number): number {
  const timeval = (at: number) => get64(view, at) * 1e3 + get64(view, at + 8) / 1e3
  return timeval(usage + RU_UTIME) + timeval(usage + RU_STIME)
}

/** A status of wait(2) in words. */
export function statusText(status: number): string {
  const signal = status & 0x7f
  return signal === 0 ? `exit code ${(status >> 8) & 0xff}` : `signal ${signal}`
}
