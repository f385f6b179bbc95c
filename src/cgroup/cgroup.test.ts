import { expect, test } from 'vitest'
import type { Kernel } from '../../native/kernel.ts'
import { KernelError } from '../errors.ts'
import { cgroupOfProcess } from './cgroup.ts'

const ENAMETOOLONG = 36

/** Linux 6.1, for one, says so of /proc/PID/cgroup; 6.18 gives the first 4095 bytes. */
test('the cgroup of a process that is deeper than a path is long is not known', () => {
  const readTextIfAny = () => {
    throw new KernelError('read', ENAMETOOLONG, '`/proc/7/cgroup`')
  }
  expect(cgroupOfProcess({ readTextIfAny } as unknown as Kernel<'outside'>, 7)).toBeUndefined()
})
