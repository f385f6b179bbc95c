import { EACCES, EBUSY, ENOENT, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_RDONLY, RESOLVE_NO_SYMLINKS } from '../../native/abi/fcntl.ts'
import { MNT_DETACH, MOUNT_ATTR_RDONLY, MS_SLAVE } from '../../native/abi/mount.ts'
import { PROC_SUPER_MAGIC } from '../../native/abi/wait.ts'
import type { Dir } from '../../native/calls/stat.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Config, Mount } from '../../spec/generated/config.ts'
import { attempt } from '../cgroup/settings.ts'
import { checkConfig } from '../config/checks/checks.ts'
import { parseConfig } from '../config/load.ts'
import { ConfigError, doing, HostError, StateError } from '../errors.ts'
import { isWithin, join } from '../paths.ts'
import { mountContext } from '../plan/container.ts'
import { planMountLabel } from '../plan/mounts/labels.ts'
import {
  type BindStep,
  type FilesystemStep,
  type MountInput,
  type MountStep,
  planMounts,
} from '../plan/mounts/mounts.ts'
import { isOwn, planNamespaces } from '../plan/namespaces/namespaces.ts'
import type { ContainerRoot } from '../rootfs/containerRoot.ts'
import type { Keep } from '../rootfs/deviceNodes.ts'
import { applyMount, type MountSite } from '../rootfs/mounts.ts'
import { makeNamespace, mapIds, openBind, propagate, type Source } from '../rootfs/sources.ts'
import type { Runtime } from '../runtime.ts'
import { holdOwnInit, isPrivileged, visitContainer } from '../setup/enter/visit.ts'
import type { AddedMount, ContainerRecord } from '../state/record.ts'
import { openContainer, type StoredContainer, writeRecord } from '../state/store.ts'

/** A mount that can come into a running container. */
type Addition = BindStep | FilesystemStep

/**
 * Mounts into a running container, all or none: sources are opened on the host, targets by an executor in the container,
 * from whose root no path leads out. Errors: StateError when it is not running, ConfigError for what can not be mounted,
 * HostError, KernelError.
 */
export function addMounts(runtime: Runtime, id: string, entries: readonly MountInput[]): void {
  const { outside } = runtime
  using fds = new Fds()
  using container = openContainer(outside, runtime.root, id, true)
  const record = container.established
  const init = holdOwnInit(runtime, container, fds)
  const steps = planAdditions(runtime, record, requireOwnMounts(parseConfig(container.configText)), entries)
  const opened = openSources(runtime, record, steps, fds)
  const passed = [...opened.values()].map(({ tree }) => tree)
  visitContainer(runtime, record, init, passed, ({ executor, inside, root, procfs }) => {
    const sources = { root: undefined, opened, passed }
    const none = { cgroupMount: undefined, cgroup: undefined }
    const site = { executor, sources, ...none, procfs }
    const mounts: Fd<'inside'>[] = []
    try {
      const added = steps.map((step, i) =>
        doing(`mount \`${step.destination}\``, () => {
          const mount = addMount(root, step, { ...site, readonlyLate: [] })
          mounts.push(mount)
          return { destination: step.destination, mountId: `${inside.mountOf(mount, true).id}`, entry: entries[i]! }
        }),
      )
      writeRecord(outside, container.directory, { ...record, mounts: [...(record.mounts ?? []), ...added] })
    } catch (error) {
      for (const mount of mounts.reverse()) attempt(error, () => unmount(inside, procfs(), mount))
      throw error
    }
  })
}

function requireOwnMounts(config: Config): Config {
  if (isOwn(planNamespaces(config.linux ?? {}), 'mount')) return config
  throw new HostError('the container has no mount namespace of its own: what it sees is what the host has mounted')
}

function planAdditions(
  runtime: Runtime,
  { bundle }: ContainerRecord,
  config: Config,
  entries: readonly MountInput[],
): Addition[] {
  const { inUserNamespace } = runtime
  checkConfig({ ...config, mounts: entries as Mount[] })
  const namespaces = planNamespaces(config.linux ?? {})
  const context = mountContext(config, namespaces, planMountLabel(config), { bundle, inUserNamespace })
  return planMounts(entries, context).map(addition)
}

function addition(step: MountStep): Addition {
  if (step.op === 'remount')
    throw new ConfigError('a mount that is there can not be changed by adding one', `${step.pointer}/options`)
  if (step.op === 'bind' && step.copySymlink)
    throw new ConfigError('`copy-symlink` makes a link instead of a mount, at create only', `${step.pointer}/options`)
  // What could be bound instead of a new file system is the host's, and out of reach from inside.
  return step.op === 'filesystem' ? { ...step, fallback: undefined } : step
}

function openSources(
  runtime: Runtime,
  { pid }: ContainerRecord,
  steps: readonly Addition[],
  fds: Fds,
): ReadonlyMap<BindStep, Source<'outside'>> {
  const { outside } = runtime
  const keep: Keep = fd => fds.keep(fd)
  const binds = steps.filter(step => step.op === 'bind')
  if (binds.length > 0 && !isPrivileged(outside))
    throw new HostError(
      `mount \`${binds[0]!.destination}\`: a directory of the host gets into a running container only by somebody with CAP_SYS_ADMIN; \`podman unshare\` gives that to an unprivileged user`,
    )
  const opened = new Map<BindStep, Source<'outside'>>()
  for (const step of binds)
    doing(`mount \`${step.destination}\``, () => {
      const map = (tree: Fd<'outside'>) => mapIds(outside, step, tree, keep(namespaceOf(runtime, pid, step.idmap!)))
      const source = openBind(outside, step, map, keep)
      outside.mountSetattr(source.tree, true, { propagation: MS_SLAVE }) // what is mounted in there must not come back
      propagate(outside, source.tree, step)
      opened.set(step, source)
    })
  return opened
}

/** The user namespace whose mappings an id-mapped mount gets. */
function namespaceOf(runtime: Runtime, pid: number, { mappings }: NonNullable<BindStep['idmap']>): Fd<'outside'> {
  if (mappings === 'container') return runtime.outside.openat(AT_FDCWD, `/proc/${pid}/ns/user`, O_RDONLY)
  return makeNamespace(runtime, mappings.uid, mappings.gid)
}

function addMount(root: ContainerRoot, step: Addition, site: Omit<MountSite, 'checkTarget'>): Fd<'inside'> {
  const { inside } = root
  const checkTarget = (target: Fd<'inside'>) => {
    // A link in the container must not lead to where programs look for the truth, see procIsLeftAlone() of the plan.
    if (!isWithin(step.destination, '/proc') && inside.fileSystemType(target) === PROC_SUPER_MAGIC)
      throw new ConfigError('leads into a procfs of the container', `${step.pointer}/destination`)
  }
  const mount = applyMount(root, step, { ...site, checkTarget })!
  for (const late of site.readonlyLate) inside.mountSetattr(late, false, { set: MOUNT_ATTR_RDONLY })
  inside.flush()
  return mount
}

/** Detaches a mount of the container that this descriptor is the root of: umount2(2) takes a path only. */
function unmount(inside: Kernel<'inside'>, procfs: Dir, mount: Fd<'inside'>): void {
  const path = `self/fd/${mount.number}`
  const hint = { EINVAL: 'nothing is mounted there, or the mount is locked by a user namespace above' }
  inside.fchdir(procfs)
  inside.later({ name: 'umount2', args: [path, MNT_DETACH], subject: `\`${mount.subject}\``, hint })
  inside.flush()
}

/**
 * Takes mounts away from a running container by their destinations, all or none: those that addMounts() made, of which it
 * takes the very same, and those of config.json. Others, masks say, are not to be had: a link that the container puts in
 * the way leads to nothing else. Errors: StateError, ConfigError, KernelError.
 */
export function removeMounts(runtime: Runtime, id: string, entries: readonly Pick<MountInput, 'destination'>[]): void {
  const { outside } = runtime
  using fds = new Fds()
  using container = openContainer(outside, runtime.root, id, true)
  const record = container.established
  const init = holdOwnInit(runtime, container, fds)
  const removals = planRemovals(record, requireOwnMounts(parseConfig(container.configText)), entries)
  visitContainer(runtime, record, init, [], ({ inside, root, procfs }) => {
    const found = removals.map(removal => doing(`unmount \`${removal.destination}\``, () => find(root, removal)))
    for (const mount of found.reverse()) unmount(inside, procfs(), mount)
    keepRemovals(outside, container, record, removals)
  })
}

/** What is to be taken away: a mount that was added, or one of config.json. */
interface Removal {
  readonly destination: string
  readonly added: AddedMount | undefined
}

function planRemovals(
  { mounts = [], unmounted = [] }: ContainerRecord,
  config: Config,
  entries: readonly Pick<MountInput, 'destination'>[],
): Removal[] {
  const left = [...mounts]
  return entries.map((entry, i) => {
    const destination = join('/', entry.destination)
    const at = left.findLastIndex(mount => mount.destination === destination)
    if (at >= 0) return { destination, added: left.splice(at, 1)[0] }
    const configured = config.mounts?.some(mount => join('/', mount.destination) === destination)
    if (configured && !unmounted.includes(destination)) return { destination, added: undefined }
    throw new ConfigError(
      `neither config.json nor \`mounts add\` has mounted anything at \`${destination}\``,
      `/mounts/${i}/destination`,
    )
  })
}

/** The root of the mount; it is still the one that it is to be. */
function find(root: ContainerRoot, { destination, added }: Removal): Fd<'inside'> {
  const fd = root.open(destination, 0, added ? 0 : RESOLVE_NO_SYMLINKS, [ENOENT, ENOTDIR, EACCES, EBUSY])
  if (fd.exists) {
    const { id, isRoot } = root.inside.mountOf(fd, true)
    if (added === undefined ? isRoot : `${id}` === added.mountId) return fd
  }
  throw new StateError('what was mounted there is gone, or the container has put something else in its place')
}

function keepRemovals(
  outside: Kernel<'outside'>,
  { directory }: StoredContainer,
  record: ContainerRecord,
  removals: readonly Removal[],
): void {
  const mounts = record.mounts?.filter(mount => !removals.some(({ added }) => added === mount)) ?? []
  const configured = removals.filter(({ added }) => added === undefined).map(({ destination }) => destination)
  const unmounted = [...(record.unmounted ?? []), ...configured]
  writeRecord(outside, directory, { ...record, mounts, unmounted })
}
