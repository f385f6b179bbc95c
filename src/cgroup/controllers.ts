import { EACCES, EBUSY, EEXIST, EINVAL, ENOENT, EOPNOTSUPP, EPERM, EROFS } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_WRONLY } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { encode } from '../../native/utf8.ts'
import { doing, type Failure, HostError, KernelError } from '../errors.ts'
import type { ControllerNeed } from '../plan/resources/resources.ts'

/** Where a cgroup is, and what is known of who we are there. */
export interface ControllerSite {
  /** The mount point of the version 2 tree. */
  readonly mount: string
  readonly rootless: boolean
}

/** How many processes a message names. */
const NAMED_PIDS = 3

/** Controllers that work in threaded cgroups, see "Threads" of cgroup-v2.rst. */
const THREADED = 'cpu, cpuset, perf_event and pids'

/**
 * Has `directory`, and everything above it first, hand these controllers on to the cgroups below. Only what is missing is
 * enabled: the directories are somebody else's. Errors: HostError that names the controller and what is in its way.
 */
export function requireControllers(
  outside: Kernel<'outside'>,
  site: ControllerSite,
  directory: string,
  needs: readonly ControllerNeed[],
): void {
  if (needs.length === 0) return
  const enabled = words(outside, directory, 'cgroup.subtree_control')
  const missing = needs.filter(({ controller }) => !enabled.includes(controller))
  if (missing.length === 0) return
  if (directory === site.mount) requireAvailable(outside, site, missing)
  else requireControllers(outside, site, directory.slice(0, directory.lastIndexOf('/')), missing)
  doing(missing[0]!.pointer, () => {
    const names = missing.map(({ controller }) => controller)
    const errno = enable(outside, directory, names)
    if (errno !== 0) throw refusal(outside, site, directory, names, errno)
  })
}

/**
 * A directory that we have just made hands on all it has, as with runc and crun: statistics and later updates of every
 * container in it live on that. It is a help, not a need: what a limit needs is looked at on its own.
 */
export function handOnEverything(outside: Kernel<'outside'>, directory: string): void {
  const available = words(outside, directory, 'cgroup.controllers')
  if (available.length > 0) enable(outside, directory, available)
}

function words(outside: Kernel<'outside'>, directory: string, file: string): string[] {
  const text = outside.readTextIfAny(AT_FDCWD, `${directory}/${file}`) ?? ''
  return text.trim().split(/\s+/).filter(Boolean)
}

/** All or none of them. Returns the errno, 0 when it worked. */
function enable(outside: Kernel<'outside'>, directory: string, controllers: readonly string[]): number {
  const refusals = [EACCES, EPERM, EROFS]
  using fd = outside.openat(AT_FDCWD, `${directory}/cgroup.subtree_control`, O_WRONLY, 0, refusals)
  if (!fd.exists) return -fd.number
  const bytes = encode(switches(controllers))
  const tolerate = [...refusals, EBUSY, EEXIST, EOPNOTSUPP, ENOENT, EINVAL]
  const result = outside.now({ name: 'write', args: [fd, bytes, bytes.length], subject: `\`${fd.subject}\``, tolerate })
  return result < 0 ? -result : 0
}

function switches(controllers: readonly string[]): string {
  return controllers.map(name => `+${name}`).join(' ')
}

/** Why `directory` does not hand the controllers on. */
function refusal(
  outside: Kernel<'outside'>,
  site: ControllerSite,
  directory: string,
  names: readonly string[],
  errno: number,
): Failure {
  const what = `cgroup \`${directory}\` can not hand on the controller${names.length > 1 ? 's' : ''} ${quoted(names)}`
  if (errno === EBUSY) return new HostError(`${what}: ${residents(outside, directory)}`)
  if (errno === EEXIST)
    return new HostError(`${what}: a cgroup two levels below it has the name of one of its files; remove that one`)
  if (errno === EOPNOTSUPP) {
    const type = words(outside, directory, 'cgroup.type').join(' ')
    return new HostError(
      `${what}: it is of type \`${type}\`, which takes only ${THREADED}; choose a linux.cgroupsPath outside of it`,
    )
  }
  if (errno === EACCES || errno === EPERM || errno === EROFS)
    return new HostError(
      `${what}: its cgroup.subtree_control is not ours to write${site.rootless ? `; ${DELEGATION_HINT}` : ''}`,
    )
  return new KernelError('write', errno, `\`${switches(names)}\` to \`${directory}/cgroup.subtree_control\``)
}

/** What a user without privileges can do to get limits. */
export const DELEGATION_HINT =
  'have the controllers delegated to this user (systemd: Delegate=yes) and start tsrun in a cgroup of its own, as `systemd-run --user --scope` does'

/** The rule of no internal processes, cgroup-v2.rst. */
function residents(outside: Kernel<'outside'>, directory: string): string {
  const pids = words(outside, directory, 'cgroup.procs')
  const named = pids.slice(0, NAMED_PIDS).join(', ')
  const more = pids.length > NAMED_PIDS ? ` and ${pids.length - NAMED_PIDS} more` : ''
  const who = pids.length === 0 ? 'there are processes in it' : `it holds processes itself (${named}${more})`
  return `${who}; move them into a cgroup below it or choose another linux.cgroupsPath`
}

function quoted(names: readonly string[]): string {
  return names.map(name => `\`${name}\``).join(', ')
}

/** The root of the tree that we see hands on what it has itself. Errors: HostError that says where a missing one is. */
export function requireAvailable(
  outside: Kernel<'outside'>,
  site: ControllerSite,
  needs: readonly ControllerNeed[],
): void {
  const available = words(outside, site.mount, 'cgroup.controllers')
  const need = needs.find(({ controller }) => !available.includes(controller))
  if (need === undefined) return
  const has = available.length === 0 ? 'it has none' : `it has ${available.join(', ')}`
  doing(need.pointer, () => {
    throw new HostError(
      `the controller \`${need.controller}\` is not available under cgroup version 2 at \`${site.mount}\` (${has}): ${absence(outside, site, need.controller)}`,
    )
  })
}

/** Where a controller is that the version 2 tree does not have. */
function absence(outside: Kernel<'outside'>, { rootless }: ControllerSite, controller: string): string {
  const legacyName = controller === 'io' ? 'blkio' : controller
  // A line is hierarchy:controllers:path, and hierarchy 0 is version 2; see cgroups(7).
  const lines = (outside.readTextIfAny(AT_FDCWD, '/proc/self/cgroup') ?? '').split('\n').map(line => line.split(':'))
  if (lines.some(([, bound]) => bound?.split(',').includes(legacyName)))
    return `this host uses it with version 1, where tsrun sets no limits; boot with \`cgroup_no_v1=${legacyName}\` or remove the limit${controller === 'pids' ? ' (podman: --pids-limit=-1)' : ''}`
  const row = (outside.readTextIfAny(AT_FDCWD, '/proc/cgroups') ?? '')
    .split('\n')
    .map(line => line.split('\t'))
    .find(([name]) => name === legacyName)
  if (row?.[3] === '0') return 'it is disabled on the command line of the kernel (cgroup_disable)'
  if (row !== undefined) return rootless ? 'it is not delegated to this user' : 'it is not delegated to this container'
  return 'this kernel does not have it'
}
