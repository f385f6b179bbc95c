import { EISDIR, ENOENT } from '../../native/abi/errno.ts'
import { O_DIRECTORY, O_RDONLY, O_WRONLY } from '../../native/abi/fcntl.ts'
import type { Dir } from '../../native/calls/stat.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { ConfigError, doing, HostError } from '../errors.ts'
import { readCgroupFile } from '../kernel/cgroupAccess.ts'
import type { UsageCheck } from '../plan/resources/memory.ts'
import { type ResourcePlan, stepsFor } from '../plan/resources/resources.ts'
import type { LimitStep } from '../plan/resources/step.ts'

/** A cgroup whose limits are set: the directory that holds it, and its name there, or AT_FDCWD and its path. */
export interface LimitSite {
  readonly parent: Dir
  readonly name: string
  /** It was there before and may have other limits; a new one needs only what differs from the kernel's initial values. */
  readonly exists: boolean
}

/**
 * Writes the limits into the files of a cgroup. Errors: ConfigError for a limit on memory below what is used, when
 * checkBeforeUpdate is set; HostError for a file that this kernel does not have; KernelError with the property that asked.
 */
export function writeLimits(outside: Kernel<'outside'>, site: LimitSite, plan: ResourcePlan): void {
  const steps = stepsFor(plan, !site.exists)
  if (steps.length === 0) return
  if (plan.usageCheck) refuseBelowUsage(outside, site, plan.usageCheck)
  for (let at = 0; at < steps.length; ) at += writeFile(outside, site, steps, at)
}

/** Writes the values for one file that follow each other. Returns how many there were. */
function writeFile(outside: Kernel<'outside'>, site: LimitSite, steps: readonly LimitStep[], at: number): number {
  const step = steps[at]!
  using fd = openLimit(outside, site, step.file)
  if (!fd.exists) {
    if (step.otherwise === undefined) doing(step.pointer, () => refuseMissing(outside, site, step.file))
    if (typeof step.otherwise === 'object') writeFile(outside, site, [step.otherwise], 0)
    return 1
  }
  let end = at
  for (let next: LimitStep | undefined = step; next?.file === step.file; next = steps[++end]) write(outside, fd, next)
  return end - at
}

function openLimit(outside: Kernel<'outside'>, { parent, name }: LimitSite, file: string): Fd<'outside'> {
  return outside.openat(parent, `${name}/${file}`, O_WRONLY, 0, [ENOENT, EISDIR])
}

function write(outside: Kernel<'outside'>, fd: Fd<'outside'>, { file, value, pointer }: LimitStep): void {
  doing(pointer, () => outside.writeText(fd, value, `\`${value.trimEnd()}\` to \`${file}\``, hints(file)))
}

/** What errnos mean, by file; see the interface files of cgroup-v2.rst. */
const HINTS: Readonly<Record<string, Call['hint']>> = {
  'cpu.max': { EINVAL: 'quota and period are microseconds from 1000 to 1000000, and the quota is not below the burst' },
  'cpu.max.burst': { EINVAL: 'it can not be more than the quota' },
  'cpu.weight': { EINVAL: 'an idle cgroup takes no weight' },
  'cpuset.cpus': { EINVAL: 'these are no processors of this host', ERANGE: 'these are no processors of this host' },
  'cpuset.mems': { EINVAL: 'these are no memory nodes of this host', ERANGE: 'these are no memory nodes of this host' },
  'io.max': { ENODEV: 'there is no such block device', EINVAL: 'it limits whole disks, no partitions' },
  'io.weight': { ENODEV: 'there is no such block device' },
  'io.bfq.weight': { ENODEV: 'there is no such block device', EOPNOTSUPP: 'the device does not use the scheduler bfq' },
  'rdma.max': { ENODEV: 'there is no such RDMA device' },
}

function hints(file: string): Call['hint'] {
  return { EACCES: 'the file is not ours to write', ...HINTS[file] }
}

/** The controller is enabled, but the kernel knows no such file. */
function refuseMissing(outside: Kernel<'outside'>, site: LimitSite, file: string): never {
  if (file === 'memory.swap.max')
    throw new HostError(
      'this kernel does not count swap (CONFIG_SWAP, swapaccount=1), so it can not limit it; remove memory.swap',
    )
  if (file.endsWith('.weight'))
    throw new HostError(`the kernel has no \`${file}\`: the weight of a disk needs the scheduler bfq or io.cost`)
  const pageSizes = file.startsWith('hugetlb.') ? hugepageSizes(outside, site) : []
  if (pageSizes.length > 0)
    throw new HostError(`there is no \`${file}\`; this host has huge pages of ${pageSizes.join(', ')}`)
  throw new HostError(`the cgroup has no file \`${file}\`; this kernel or this controller does not know it`)
}

function hugepageSizes(outside: Kernel<'outside'>, { parent, name }: LimitSite): string[] {
  using directory = outside.openat(parent, name, O_RDONLY | O_DIRECTORY)
  const files = outside.readDirectory(directory).filter(file => /^hugetlb\.\w+\.max$/.test(file))
  const isFile = (file: string) => readCgroupFile(outside, directory, file, [ENOENT]) !== undefined
  return files.filter(isFile).map(file => file.split('.')[1]!)
}

/** The kernel would kill for the new limit what does not fit into it; see memory.checkBeforeUpdate in config-linux.md. */
function refuseBelowUsage(outside: Kernel<'outside'>, site: LimitSite, { limit, swap }: UsageCheck): void {
  const memory = usage(outside, site, 'memory.current')
  if (memory > limit)
    throw new ConfigError(`${limit} bytes are less than the ${memory} in use`, '/linux/resources/memory/limit')
  const swapped = swap === undefined ? 0n : usage(outside, site, 'memory.swap.current')
  if (swap !== undefined && swapped > swap)
    throw new ConfigError(`leaves ${swap} bytes of swap, and ${swapped} are in use`, '/linux/resources/memory/swap')
}

function usage(outside: Kernel<'outside'>, { parent, name }: LimitSite, file: string): bigint {
  return BigInt(readCgroupFile(outside, parent, `${name}/${file}`, [ENOENT])?.trim() ?? 0)
}
