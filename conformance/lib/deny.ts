// A filter around the runtime that denies system calls.

import { join } from 'node:path'
import { beforeAll } from 'vitest'
import { architecture } from '../../native/arch/architecture.ts'
import { callNumbers } from '../../native/arch/numbers.ts'
import { compile } from './compile.ts'
import { have } from './machine.ts'
import { sceneDirectory } from './scene.ts'

export type Name = keyof typeof callNumbers.x86_64

/** All of them are done by mount(2) where one is denied, but for what docs/security.md names. */
export const MOUNTS = ['fsopen', 'fsconfig', 'fsmount', 'open_tree', 'move_mount', 'mount_setattr'] as const

const program = join(sceneDirectory, 'deny')

/** Makes the filter for the tests of a file. */
export function withDeny(): void {
  beforeAll(() => {
    if (have('cc')) compile('deny', program)
  })
}

export const numbers = (names: readonly (Name | number)[]) =>
  names.map(name => (typeof name === 'number' ? name : callNumbers[architecture!][name]))

/** The words before a command that has to do without these calls. */
export const denying = (names: Name | readonly (Name | number)[], errno: number) => [
  program,
  numbers(typeof names === 'string' ? [names] : names).join(','),
  `${errno}`,
]
