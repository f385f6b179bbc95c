import { EAGAIN } from '../abi/errno.ts'
import { aarch64 as numbers } from '../arch/aarch64.ts'
import {
  assembleA64,
  b,
  beq,
  bne,
  cbz,
  cmn,
  cmp,
  type Line,
  ldar,
  ldp,
  ldr,
  ldrw,
  mov,
  movk,
  movr,
  type Register,
  stlr,
  str,
  svc,
  tbnz,
  tbnz63,
  tbz,
} from './a64.ts'
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
} from './protocol.ts'

const PROT_READ_WRITE = 3
const MAP_SHARED_FIXED = 0x11

// A system call takes x8 and x0 to x5; it destroys x0 and nothing else.
const number = 'x8'
const [x0, x1, x2, x3, x4, x5] = ['x0', 'x1', 'x2', 'x3', 'x4', 'x5'] as const
const also = 'x9'
const indirect = 'x10'
const operation = 'x19'
const control = 'x20'
const arena = 'x21'

/** A descriptor has up to 32 bits. */
const movFd = (register: Register, fd: number) => [mov(register, fd & 0xffff), movk(register, fd >>> 16)]

/** The executor for AArch64, one instruction a line; see protocol.ts for what it does. `base` is its first descriptor. */
export function listing(base: number): Line[] {
  return [...starting(base), ...waiting(), ...operating(), ...answering()]
}

function starting(base: number): Line[] {
  return [
    ...movFd(control, base + CONTROL_FD),
    mov(arena, ARENA_ADDRESS),

    // mmap(ARENA_ADDRESS, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, base + ARENA_FD, 0)
    mov(number, numbers.mmap),
    movr(x0, arena),
    mov(x1, ARENA_SIZE),
    mov(x2, PROT_READ_WRITE),
    mov(x3, MAP_SHARED_FIXED),
    ...movFd(x4, base + ARENA_FD),
    mov(x5, 0),
    svc,
  ]
}

function waiting(): Line[] {
  return [
    { label: 'wait' }, // read(control, ARENA_ADDRESS, 8)
    mov(number, numbers.read),
    movr(x0, control),
    movr(x1, arena),
    mov(x2, MESSAGE_SIZE),
    svc,
    cmp(x0, MESSAGE_SIZE),
    bne('exit'),
    ldr(operation, arena, 0),
  ]
}

function operating(): Line[] {
  return [
    { label: 'operation' },
    cbz(operation, 'done'),
    ldrw(number, operation, OP_NUMBER),
    ldrw(indirect, operation, OP_INDIRECT),
    ldp(x0, x1, operation, OP_ARGUMENTS),
    ldp(x2, x3, operation, OP_ARGUMENTS + 16),
    ldp(x4, x5, operation, OP_ARGUMENTS + 32),
    tbnz(number, 31, 'load'),
    cbz(indirect, 'call'),
    ...[x0, x1, x2, x3, x4, x5].flatMap((argument, i) => [
      tbz(indirect, i, `${argument} is direct`),
      ldr(argument, argument, 0),
      { label: `${argument} is direct` },
    ]),
    { label: 'call' },
    svc,

    { label: 'store' }, // the other word last: threads and processes wait for that one
    str(x0, operation, OP_RESULT),
    ldr(also, operation, OP_ALSO),
    cbz(also, 'branch'),
    stlr(x0, also),

    { label: 'branch' },
    tbnz63(x0, 'negative'),
    cbz(x0, 'zero'),
    ldr(operation, operation, OP_POSITIVE),
    b('operation'),

    { label: 'negative' }, // openat2 that says EAGAIN: the planner is told, and asks again
    cmn(x0, EAGAIN),
    bne('refused'),
    cmp(number, numbers.openat2),
    beq('done'),
    { label: 'refused' },
    ldr(operation, operation, OP_NEGATIVE),
    b('operation'),

    { label: 'zero' },
    ldr(operation, operation, OP_ZERO),
    b('operation'),

    { label: 'load' },
    ldar(x0, x0),
    b('store'),
  ]
}

function answering(): Line[] {
  return [
    { label: 'done' }, // write(control, ARENA_ADDRESS, 8)
    mov(number, numbers.write),
    movr(x0, control),
    movr(x1, arena),
    mov(x2, MESSAGE_SIZE),
    svc,
    cmp(x0, MESSAGE_SIZE),
    beq('wait'), // else whoever waits for the answer must not wait on

    { label: 'exit' }, // exit_group(127)
    mov(number, numbers.exit_group),
    mov(x0, 127),
    svc,
  ]
}

/** The machine code of the executor whose descriptors start at `base`. */
export function assemble(base: number): Uint8Array {
  return assembleA64(listing(base))
}
