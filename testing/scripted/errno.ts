// <asm-generic/errno.h>: numbers that only the model needs; the others are in native/abi/errno.ts.
export const EFAULT = 14
export const EADDRINUSE = 98
export const ECONNRESET = 104

/** How a modelled system call fails. No Error, since thousands are thrown and nobody reads a stack. */
export class Errno {
  readonly errno: number

  constructor(errno: number) {
    this.errno = errno
  }
}

/** What a modelled call gives instead of a result while it has to wait; it is tried again later, and has done nothing. */
export const BLOCKED = Symbol('blocked')

export type CallResult = number | typeof BLOCKED
