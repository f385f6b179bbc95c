import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { nearest } from '../config/nearest.ts'
import { mountOptionNames, type Parameter } from '../plan/mounts/mountOptions.ts'

/** Hands the options of a file system to fsconfig(2). */
export function configure(
  inside: Kernel<'inside'>,
  fs: Fd<'inside'>,
  flags: readonly string[],
  parameters: readonly Parameter[],
): void {
  for (const flag of flags) inside.fsconfigFlag(fs, flag)
  for (const { key, value } of parameters)
    if (value === undefined) inside.fsconfigFlag(fs, key, () => nearest(key, mountOptionNames()))
    else inside.fsconfigString(fs, key, value)
}
