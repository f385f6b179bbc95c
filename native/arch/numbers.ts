import { aarch64 } from './aarch64.ts'
import type { Architecture } from './architecture.ts'
import { x86_64 } from './x86_64.ts'

/** A system call by its name in the kernel's tables. */
export type CallName = keyof typeof x86_64

/** System call numbers of one architecture. */
export type CallNumbers = Readonly<Record<CallName, number>>

export const callNumbers: Readonly<Record<Architecture, CallNumbers>> = { x86_64, aarch64 }
