import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { CgroupSite } from './cgroup.ts'
import { giveCgroupAway } from './delegation.ts'
import { type LimitSite, writeLimits } from './limits.ts'

/**
 * What linux.resources asks for, devices aside, for the cgroup in which the first process already is; then the cgroup
 * changes its owner, where it has to. Makes no call when nothing is asked. Errors: those of writeLimits.
 */
export function applyResources(
  outside: Kernel<'outside'>,
  cgroup: CgroupSite,
  { resources, cgroupOwner }: ContainerPlan,
  pid: number,
  rootless: boolean,
): void {
  const site = limitSite(cgroup)
  writeLimits(outside, site, resources)
  const { leaf } = cgroup
  const home = leaf === undefined ? site : { parent: AT_FDCWD, name: leaf, exists: false }
  if (cgroupOwner !== undefined) giveCgroupAway(outside, home, pid, cgroupOwner, rootless)
}

/** A cgroup that others make has no descriptor of ours, and is new. */
function limitSite({ path, owned }: CgroupSite): LimitSite {
  return owned ?? { parent: AT_FDCWD, name: path, exists: false }
}
