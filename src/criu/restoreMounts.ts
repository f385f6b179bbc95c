import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_DIRECTORY, O_NOFOLLOW, O_PATH } from '../../native/abi/fcntl.ts'
import { MS_REC, MS_SLAVE } from '../../native/abi/mount.ts'
import { CLONE_NEWNS } from '../../native/abi/sched.ts'
import { S_IFREG } from '../../native/abi/stat.ts'
import type { Executor } from '../../native/executor/launch.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing, HostError } from '../errors.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { BindStep } from '../plan/mounts/mounts.ts'
import { ContainerRoot } from '../rootfs/containerRoot.ts'
import { fillRoot } from '../rootfs/rootfs.ts'
import { isDirectory, isSameFile, openRootTree, sourceOf, type Sources } from '../rootfs/sources.ts'
import type { Runtime } from '../runtime.ts'
import { mountSite } from '../setup/contents.ts'
import type { HostResources } from '../setup/hostResources.ts'
import type { Prepared } from '../setup/prepare.ts'
import { spawnFirstProcess } from '../setup/spawn.ts'
import { ownedPathsOf } from '../setup/underKeeper.ts'
import { MASK, nameForCriu } from './checkpoint.ts'

// Where CRIU restores a container: a mount namespace that only CRIU is in. Over the container's directory, which is there
// anyway and needs no cleaning, lies a tmpfs with
//
//   root      the root file system, for CRIU to put its mounts on: it has to be a mount whose parent is not covered
//   scratch   the same once more, on which everything is mounted as create does it, and which then goes. So every mount
//             point is there, also those in what is bound: CRIU makes none
//   0, 1, ..  what is bound id-mapped

/** The tmpfs, and its path. */
interface RestoreTmpfs {
  readonly restoreMounts: Fd<'inside'>
  readonly at: string
}

/** What CRIU has to know of it. */
export interface RestoreMounts {
  /** The pid of the process that is to become CRIU. */
  readonly pid: () => number
  readonly root: string
  /** Names of mounts in the checkpoint, and what is to be mounted. */
  readonly mounts: readonly { readonly key: string; readonly val: string }[]
}

/**
 * Has the keeper spawn the process that becomes CRIU, and sets the restore mounts for it. `offered` are the sources that CRIU gets,
 * beside those in the host resources, which are mounted only to be taken away again.
 */
export function setRestoreMounts(
  runtime: Runtime,
  { plan }: Prepared,
  hostResources: HostResources,
  offered: Sources,
  executor: Executor,
): RestoreMounts {
  const { outside } = runtime
  const { kernel: inside } = executor
  // Without symbolic links: CRIU looks for the path in the list of mounts.
  const at = `${outside.readlinkat(AT_FDCWD, `/proc/self/fd/${hostResources.containers.number}`)}/${plan.id}`
  const pid = spawnFirstProcess(executor, ownedPathsOf(plan, hostResources), [], BigInt(CLONE_NEWNS))
  inside.notDumpable()
  inside.mountPropagation('/', MS_SLAVE | MS_REC)
  const restoreMounts = doing('prepare the restore', () => mountTmpfs(executor, plan, hostResources, at))
  makeMountPoints(runtime, executor, plan, hostResources, { restoreMounts, at })
  const mounts = [
    ...offerMounts(executor, plan, offered, { restoreMounts, at }),
    ...offerFallbacks(plan, hostResources),
  ].map(({ key, val }) => nameForCriu(key, val))
  placeTree(executor, plan, offered, restoreMounts, 'root')
  inside.flush()
  return { pid, root: `${at}/root`, mounts }
}

/** Over the directory that the keeper has made, looked up in the new mount namespace by its path. Errors: HostError. */
function mountTmpfs(
  executor: Executor,
  { id }: ContainerPlan,
  { containers }: HostResources,
  path: string,
): Fd<'inside'> {
  const { kernel: inside } = executor
  const place = inside.openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_NOFOLLOW).take()
  const found = inside.statx(place, '', 0, []).stat!
  const made = inside.statx(executor.passed(containers), id, AT_SYMLINK_NOFOLLOW, []).stat!
  if (!isSameFile(found, made)) throw new HostError(`\`${path}\` is another directory than the one that was made`)
  const fs = inside.fsopen('tmpfs').take()
  inside.fsconfigString(fs, 'source', 'tsrun')
  inside.fsconfigCreate(fs)
  const restoreMounts = inside.fsmount(fs, 0).take()
  inside.moveMount(restoreMounts, place)
  return restoreMounts
}

/** Makes a directory, or a file, on the restore mounts, and mounts there. */
function mountOn(
  inside: Kernel<'inside'>,
  restoreMounts: Fd<'inside'>,
  name: string,
  mount: Fd<'inside'>,
  isDirectory = true,
): void {
  if (isDirectory) inside.mkdirat(restoreMounts, name, 0o755)
  else inside.mknodat(restoreMounts, name, S_IFREG | 0o644, 0)
  inside.moveMount(mount, inside.openat(restoreMounts, name, O_PATH | O_NOFOLLOW).take())
}

function placeTree(
  executor: Executor,
  { rootfs }: ContainerPlan,
  { root }: Sources,
  restoreMounts: Fd<'inside'>,
  name: string,
): ContainerRoot {
  const { kernel: inside } = executor
  return doing(`root \`${rootfs}\``, () => {
    const tree = root ? executor.passed(root.tree) : openRootTree(inside, rootfs).tree
    mountOn(inside, restoreMounts, name, tree)
    return new ContainerRoot(inside, tree)
  })
}

/**
 * Where CRIU finds what is bound: on the host, since it looks there for the mount whose peer or slave the old one was. An
 * id-mapped mount can not be made from a path, so that is put where CRIU finds it.
 */
function offerMounts(executor: Executor, plan: ContainerPlan, sources: Sources, { restoreMounts, at }: RestoreTmpfs) {
  const bound = plan.mounts.flatMap((step, i) => {
    if (step.op !== 'bind') return []
    const { destination: key, source } = step
    if (step.idmap !== undefined) place(executor, step, sources, restoreMounts, String(i))
    return { key, val: step.idmap === undefined ? source : `${at}/${i}` }
  })
  const devices = plan.devices.flatMap(step => (step.op === 'bind' ? { key: step.path, val: step.source } : []))
  const masks = plan.maskedPaths.length === 0 ? [] : [{ key: MASK, val: MASK }]
  return [...bound, ...devices, ...masks]
}

/** What of the host is bound where a user namespace may not mount; the checkpoint says whether it was. */
function offerFallbacks({ mounts }: ContainerPlan, { cgroup }: HostResources) {
  const sources = { sys: '/sys', 'own-cgroup': cgroup?.path, 'cgroup-root': cgroup?.mount }
  return mounts.flatMap(step => {
    const val = step.op === 'filesystem' && step.fallback && sources[step.fallback.source]
    return val ? { key: step.destination, val } : []
  })
}

function place(executor: Executor, step: BindStep, sources: Sources, restoreMounts: Fd<'inside'>, name: string): void {
  const { kernel: inside } = executor
  doing(`mount \`${step.destination}\``, () => {
    const source = sourceOf(executor, sources, step)
    mountOn(inside, restoreMounts, name, source.tree, isDirectory(source))
  })
}

/** Makes what is missing in the root file system, and in what is bound into it. */
function makeMountPoints(
  { warn }: Runtime,
  executor: Executor,
  plan: ContainerPlan,
  hostResources: HostResources,
  { restoreMounts, at }: RestoreTmpfs,
): void {
  const root = placeTree(executor, plan, hostResources.sources, restoreMounts, 'scratch')
  const check = fillRoot(root, plan, mountSite(executor, hostResources), warn)
  if (plan.process?.terminal) root.file('/dev/console')
  check()
  executor.kernel.detach(`${at}/scratch`)
}
