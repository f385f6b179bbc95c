import { callNumbers } from '../../native/arch/numbers.ts'
import { Invocation, type LoggedCall } from './call.ts'
import { descriptorCalls } from './calls/descriptors.ts'
import { fileCalls } from './calls/files.ts'
import { processCalls } from './calls/processes.ts'
import { socketCalls } from './calls/sockets.ts'
import { terminalCalls } from './calls/terminals.ts'
import { withoutEffect } from './calls/withoutEffect.ts'
import { BLOCKED, type CallResult, Errno } from './errno.ts'
import { step } from './executor.ts'
import type { FileNode } from './nodes.ts'
import { Opaque } from './open.ts'
import { Process } from './process.ts'
import { makeTree } from './tree.ts'

/** What a call does; nothing returned is 0. Errors: Errno. */
export type Implementation = (call: Invocation) => CallResult | undefined

/** A program that the model knows by its path; others run until they are killed. */
export interface ScriptedProgram {
  readonly exit: number
  /** What it writes to descriptor 2. */
  readonly says?: string
}

/** Thrown through the code under test when the planner makes a call after it was killed. */
export class PlannerGone extends Error {}

/** Thrown when the planner waits for something that can not happen any more: in reality it would hang. */
export class Hang extends Error {}

const SIGKILL = 9
const PLANNER_PID = 1000
/** An errno injected into these would be no errno of theirs, or have no meaning: they can not fail. */
export const neverFails: ReadonlySet<string> = new Set([
  ...['exit_group', 'getpid', 'getegid', 'geteuid', 'umask', 'uname', 'clock_gettime'],
])

const implementations: Readonly<Record<string, Implementation>> = {
  ...withoutEffect,
  ...descriptorCalls,
  ...fileCalls,
  ...processCalls,
  ...socketCalls,
  ...terminalCalls,
}

export interface Script {
  /** Do other processes run whenever they can, or only while the planner waits? Both happen. */
  readonly eager?: boolean | undefined
  readonly uid?: number | undefined
  /** Of the kernel, as uname(2) tells it; 6.1.0 otherwise. */
  readonly release?: string | undefined
  readonly programs?: Readonly<Record<string, ScriptedProgram>> | undefined
}

/** A kernel with its processes and files, in memory. */
export class World {
  readonly script: Script
  readonly log: LoggedCall[] = []
  readonly root: FileNode
  readonly cgroups: FileNode
  readonly processes = new Map<number, Process>()
  readonly planner: Process
  readonly names = new Map<number, string>()
  readonly faults = new Map<number, number>()
  killPlannerAt: number | undefined
  killCallerAt: number | undefined
  killCallerIn: number | undefined
  /** Milliseconds. */
  clock = 0
  #nextPid = PLANNER_PID

  constructor(script: Script) {
    this.script = script
    const { root, cgroups } = makeTree(this)
    this.root = root
    this.cgroups = cgroups
    for (const [name, number] of Object.entries(callNumbers.x86_64)) this.names.set(number, name)
    this.planner = this.newProcess('planner', undefined)
    for (const fd of [0, 1, 2]) this.planner.put(fd, new Opaque('stdio'), false)
  }

  newProcess(name: string, creator: Process | undefined): Process {
    const process = new Process(this.#nextPid++, name, creator, this.root)
    this.processes.set(process.pid, process)
    return process
  }

  /** Starts a call: writes it down, lets the script interfere, and tries it. */
  begin(process: Process, name: string, args: readonly number[], special?: Implementation): CallResult {
    const call = new Invocation(this, process, this.log.length + 1, name, args, special ?? implementations[name])
    this.log.push(call.entry)
    if (call.entry.number === this.killPlannerAt) this.end(this.planner, SIGKILL)
    if (process === this.planner && process.ended) throw new PlannerGone()
    if (call.entry.number === this.killCallerAt && process !== this.planner) {
      this.end(process, SIGKILL)
      return 0
    }
    if (call.entry.number === this.killCallerIn && process !== this.planner) {
      this.attempt(call)
      this.end(process, SIGKILL)
      return 0
    }
    const fault = this.faults.get(call.entry.number)
    if (fault === undefined || neverFails.has(name)) return this.attempt(call)
    if (name === 'close') this.attempt(call) // the descriptor is gone in every case
    call.entry.result = -fault
    return -fault
  }

  /** Tries a call, for the first time or again. */
  attempt(call: Invocation): CallResult {
    const { process, entry } = call
    process.pending = undefined
    const outcome = this.#perform(call)
    if (outcome === BLOCKED) process.pending = call
    else entry.result = outcome
    return outcome
  }

  #perform(call: Invocation): CallResult {
    if (call.implementation === undefined) throw new Error(`the scripted kernel has no model of ${call.entry.name}`)
    try {
      return call.implementation(call) ?? 0
    } catch (error) {
      if (error instanceof Errno) return -error.errno
      throw error
    }
  }

  /** A call of the planner, which blocks while others run. */
  plannerCall(name: string, args: readonly number[], special?: Implementation): number {
    let outcome = this.begin(this.planner, name, args, special)
    while (outcome === BLOCKED) {
      const call = this.planner.pending!
      if (!this.advance()) throw new Hang(`the planner waits in ${name} for ever`)
      if (this.planner.ended) throw new PlannerGone()
      outcome = this.attempt(call)
    }
    if (this.script.eager) while (this.stepOne()) {}
    if (this.planner.ended) throw new PlannerGone()
    return outcome
  }

  /** Lets one process do something, or the time pass until a timeout. False when nothing can happen any more. */
  advance(): boolean {
    if (this.stepOne()) return true
    const deadlines = [...this.processes.values()].flatMap(({ pending, ended }) =>
      ended ? [] : (pending?.deadline ?? []),
    )
    const next = Math.min(...deadlines.filter(deadline => deadline > this.clock))
    if (next === Number.POSITIVE_INFINITY) return false
    this.clock = next
    return true
  }

  /** Runs everybody until all have ended or wait for ever. */
  settle(): void {
    while (this.advance()) {}
  }

  stepOne(): boolean {
    for (const process of [...this.processes.values()])
      if (process.counter !== undefined && !process.ended && step(this, process)) return true
    return false
  }

  /** The process ends with this status of wait(2): `code << 8`, or the number of a signal. */
  end(process: Process, status: number): void {
    if (process.ended) return
    process.status = status
    process.pending = undefined
    for (const fd of process.descriptors) process.close(fd)
    for (const other of this.processes.values()) {
      if (other.init === process) this.end(other, SIGKILL)
      // Orphans go to the host's init, which waits for everybody.
      if (other.parent === process) {
        other.parent = undefined
        if (other.ended) this.reap(other)
      }
    }
    if (process.parent === undefined) this.reap(process)
  }

  reap(process: Process): void {
    process.reaped = true
    this.processes.delete(process.pid)
  }
}
