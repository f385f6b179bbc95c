import { EAGAIN } from '../../native/abi/errno.ts'
import { callNumbers } from '../../native/arch/numbers.ts'
import { EM_X86_64, elfImage } from '../../native/executor/elf.ts'
import {
  ARENA_ADDRESS,
  ARENA_FD,
  ARENA_SIZE,
  CONTROL_FD,
  MESSAGE_SIZE,
  OP_ALSO,
  OP_ARGUMENTS,
  OP_INDIRECT,
  OP_NEGATIVE,
  OP_NUMBER,
  OP_POSITIVE,
  OP_RESULT,
  OP_ZERO,
} from '../../native/executor/protocol.ts'
import { assemble } from '../../native/executor/x86_64.ts'
import { get64, put64 } from '../../native/struct.ts'
import { BLOCKED } from './errno.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

/** Where an executor is: in one of the calls that it makes by itself, or at the operation with this address. */
export interface Counter {
  at: 'map' | 'wait' | 'done' | 'exit' | number
  /** The first of its descriptors, which its machine code names. */
  readonly base: number
  /** A new process, which returns from clone3 with 0 first of all. */
  born?: boolean
}

const MAX_BASE = 64

const images: Uint8Array[] = []

/** The first descriptor of the executor whose image this is; undefined when it is another program. */
export function executorBase(image: Uint8Array): number | undefined {
  for (let base = 0; base < MAX_BASE; base++) {
    images[base] ??= elfImage(assemble(base), EM_X86_64)
    const own = images[base]!
    if (own.length === image.length && own.every((byte, i) => byte === image[i])) return base
  }
  return undefined
}

/**
 * Does what the machine code of the executor does up to its next system call and that call; see executor/protocol.ts and
 * x86_64.ts, which this follows line by line. False when the call blocks.
 */
export function step(world: World, process: Process): boolean {
  const counter = process.counter!
  if (counter.born) {
    counter.born = false
    counter.at = store(process, counter.at as number, 0)
  }
  if (typeof counter.at === 'number' && process.pending === undefined) skipLoads(process, counter)
  const outcome = process.pending ? world.attempt(process.pending) : call(world, process, counter)
  if (outcome === BLOCKED) return false
  if (process.ended || process.counter === undefined) return true
  proceed(process, counter, outcome)
  return true
}

function call(world: World, process: Process, { at, base }: Counter) {
  switch (at) {
    case 'map':
      return world.begin(process, 'mmap', [ARENA_ADDRESS, ARENA_SIZE, 3, 0x11, base + ARENA_FD, 0])
    case 'wait':
      return world.begin(process, 'read', [base + CONTROL_FD, ARENA_ADDRESS, MESSAGE_SIZE])
    case 'done':
    case 0:
      return world.begin(process, 'write', [base + CONTROL_FD, ARENA_ADDRESS, MESSAGE_SIZE])
    case 'exit':
      return world.begin(process, 'exit_group', [127])
    default: {
      const indirect = shortWord(process, at + OP_INDIRECT)
      const args = Array.from({ length: 6 }, (_, i) => {
        const argument = word(process, at + OP_ARGUMENTS + 8 * i)
        return (indirect & (1 << i)) !== 0 ? word(process, argument) : argument
      })
      return world.begin(process, world.names.get(shortWord(process, at + OP_NUMBER))!, args)
    }
  }
}

function proceed(process: Process, counter: Counter, result: number): void {
  if (counter.at === 'map') counter.at = 'wait'
  else if (counter.at === 'wait') counter.at = result === MESSAGE_SIZE ? word(process, ARENA_ADDRESS) : 'exit'
  else if (counter.at === 'done' || counter.at === 0) counter.at = result === MESSAGE_SIZE ? 'wait' : 'exit'
  else if (counter.at !== 'exit') counter.at = store(process, counter.at, result)
}

/** Operations that are no system calls. */
function skipLoads(process: Process, counter: Counter): void {
  while (typeof counter.at === 'number' && counter.at !== 0 && shortWord(process, counter.at + OP_NUMBER) < 0)
    counter.at = store(process, counter.at, loaded(process, word(process, counter.at + OP_ARGUMENTS)))
}

function loaded(process: Process, address: number): number {
  assertAligned(address)
  return word(process, address)
}

/** On AArch64 a load or store that others wait for, at another address, kills the executor. */
function assertAligned(address: number): void {
  if (address % 8 !== 0) throw new Error(`the executor would have died of an access to 0x${address.toString(16)}`)
}

/** Puts the result where it belongs; returns the next operation. */
function store(process: Process, at: number, result: number): number {
  put64(process.memory.view(at + OP_RESULT, 8), 0, result)
  const also = word(process, at + OP_ALSO)
  assertAligned(also)
  if (also !== 0) put64(process.memory.view(also, 8), 0, result)
  if (result === -EAGAIN && shortWord(process, at + OP_NUMBER) === callNumbers.x86_64.openat2) return 0
  return word(process, at + (result < 0 ? OP_NEGATIVE : result === 0 ? OP_ZERO : OP_POSITIVE))
}

function shortWord(process: Process, address: number): number {
  return process.memory.view(address, 4).getInt32(0, true)
}

function word(process: Process, address: number): number {
  return get64(process.memory.view(address, 8), 0)
}
