/**
 * The executor: a process of about 280 bytes of machine code, without libc, stack or heap, that makes the system calls it
 * finds in shared memory. It is written in `x86_64.ts` and
 * in `aarch64.ts`.
 *
 *   planner                               arena                            executor
 *   writes operations ------------------> [ word | keeper | operations ]
 *   writes 8 bytes to the control socket: the address of the first one --> follows the operations, one by one
 *   reads 8 bytes <------------------------------------------------------  at address 0: echoes the word, waits again
 *   reads the results <------------------ result words, buffers
 *
 * - The arena is a memfd of ARENA_SIZE bytes that both map; in the executor always at ARENA_ADDRESS, so that the planner
 *   can write pointers. It is created empty for every container and unmapped by the execve that makes the executor the
 *   container's program; not one byte of the image of a container runs before that.
 * - An operation is 96 bytes: what to call, six arguments, where the result goes, and which operation is next for a
 *   positive, a negative and a zero result. Address 0 as next ends the batch. An argument may be the address of its word.
 * - A negative call number (32 bits) is no system call but LOAD: the result is the word at the address in the first argument. With
 *   the word that also receives the result this copies; with the three ways to go on this compares with zero.
 * - Both these words lie at multiples of 8, and threads and processes wait for them: who loads one that has changed sees what
 *   was stored before it, as every processor of x86-64 does by itself and those of AArch64 have to be told (ldar, stlr).
 * - openat2 that says EAGAIN has been disturbed by somebody's rename, see kernels/again.ts: the executor ends the batch there
 *   whatever is next, and the planner sends it to the same operation again. So it can be in no chain that the planner does
 *   not wait for, and an executor whose planner is dead does not go on trying.
 * - End of file on the control socket, or anything but 8 bytes, ends the executor: a dead planner leaves no process. The
 *   planner closes its copies of the executor's descriptors, so a dead executor is an end of file too, never a hang.
 * - clone3 inside a batch makes a second executor on the same arena. Only one of the two may go on with the control
 *   socket; the other is given a chain of operations that never returns to waiting.
 * - An executor of raw calls cannot judge what it is asked. It listens to nobody but the holder of the other end of its
 *   socket pair, which is the planner; it is not dumpable while it is in namespaces that containers can see.
 */

/** Where the executor maps the arena: below every address that the kernel gives out by itself. */
export const ARENA_ADDRESS = 0x1000_0000
/** Enough for the largest arguments and environment that execve(2) takes (6 MiB); only touched pages cost memory. */
export const ARENA_SIZE = 0x80_0000

/** Offsets in an operation. */
export const OP_NUMBER = 0
/** 32 bits: a bit for each argument that is the address of the word to pass, such as the result of an earlier operation. */
export const OP_INDIRECT = 4
export const OP_ARGUMENTS = 8
export const OP_RESULT = 56
/** Address of a word that receives the result too: an argument of a later operation. */
export const OP_ALSO = 64
export const OP_POSITIVE = 72
export const OP_NEGATIVE = 80
export const OP_ZERO = 88
export const OP_SIZE = 96

/** The call number of LOAD. */
export const LOAD = -1

/** The first bytes of the arena receive the message; operations start behind them. */
export const MESSAGE_SIZE = 8
export const ARENA_FIRST = 64

/** The descriptors that the executor is started with, from `base` on: after stdio and the preserved ones. */
export const ARENA_FD = 0
export const CONTROL_FD = 1
export const GUARD_FD = 2
export const FIRST_PASSED_FD = 3
