import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import { MS_REC, MS_SLAVE } from '../../native/abi/mount.ts'
import { CLONE_NEWNS } from '../../native/abi/sched.ts'
import { S_IFREG } from '../../native/abi/stat.ts'
import type { Executor } from '../../native/executor/launch.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing } from '../errors.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { BindStep } from '../plan/mounts.ts'
import type { Runtime } from '../runtime.ts'
import type { Baggage } from './baggage.ts'
import { giveBirth } from './birth.ts'
import { estateOf, mountSite } from './build.ts'
import { MASK } from './checkpoint.ts'
import { ContainerRoot } from './containerRoot.ts'
import type { Prepared } from './prepare.ts'
import { fillRoot } from './rootfs.ts'
import { giftOf, isDirectory, openRootTree, type Sources, sourceOf } from './sources.ts'

// Where CRIU restores a container: a mount namespace that only CRIU is in. Over the container's directory, which is there
// anyway and needs no cleaning, lies a tmpfs with
//
//   root      the root file system, for CRIU to put its mounts on: it has to be a mount whose parent is not covered
//   scratch   the same once more, on which everything is mounted as create does it, and which then goes. So every mount
//             point is there, also those in what is bound: CRIU makes none
//   0, 1, ..  what is bound id-mapped

/** What CRIU has to know of it. */
export interface Stage {
  /** The pid of the process that is to become CRIU. */
  readonly pid: () => number
  readonly root: string
  /** Names of mounts in the checkpoint, and what is to be mounted. */
  readonly mounts: readonly { readonly key: string; readonly val: string }[]
}

/**
 * Has the keeper bear the process that becomes CRIU, and sets the stage for it. `offered` are the sources that CRIU gets,
 * beside those in the baggage, which are mounted only to be taken away again.
 */
export function setStage(
  runtime: Runtime,
  { plan }: Prepared,
  baggage: Baggage,
  offered: Sources,
  executor: Executor,
): Stage {
  const { outside } = runtime
  const { kernel: inside } = executor
  // Without symbolic links: CRIU looks for the path in the list of mounts.
  const at = `${outside.readlinkat(AT_FDCWD, `/proc/self/fd/${baggage.containers.number}`)}/${plan.id}`
  const pid = giveBirth(executor, estateOf(plan, baggage), [], BigInt(CLONE_NEWNS))
  inside.notDumpable()
  inside.mountPropagation('/', MS_SLAVE | MS_REC)
  doing('prepare the restore', () => mountTmpfs(inside, at))
  makeMountPoints(executor, plan, baggage, `${at}/scratch`)
  const mounts = [...offerMounts(executor, plan, offered, at), ...offerFallbacks(plan, baggage)]
  const root = `${at}/root`
  placeTree(executor, plan, offered, root)
  inside.flush()
  return { pid, root, mounts }
}

function mountTmpfs(inside: Kernel, path: string): void {
  const fs = inside.fsopen('tmpfs').take()
  inside.fsconfigString(fs, 'source', 'tsrun')
  inside.fsconfigCreate(fs)
  inside.moveMountToPath(inside.fsmount(fs, 0).take(), path)
}

/** The root file system at a path that it makes. */
function placeTree(executor: Executor, { rootfs }: ContainerPlan, { root }: Sources, path: string): ContainerRoot {
  const { kernel: inside } = executor
  return doing(`root \`${rootfs}\``, () => {
    const tree = root ? giftOf(executor, root) : openRootTree(inside, rootfs)
    inside.mkdirat(AT_FDCWD, path, 0o755)
    inside.moveMountToPath(tree, path)
    return new ContainerRoot(inside, tree)
  })
}

/**
 * Where CRIU finds what is bound: on the host, since it looks there for the mount whose peer or slave the old one was. An
 * id-mapped mount can not be made from a path, so that is put where CRIU finds it.
 */
function offerMounts(executor: Executor, plan: ContainerPlan, sources: Sources, at: string) {
  const bound = plan.mounts.flatMap((step, i) => {
    if (step.op !== 'bind') return []
    const { destination: key, source } = step
    return { key, val: step.idmap === undefined ? source : place(executor, step, sources, `${at}/${i}`) }
  })
  const devices = plan.devices.flatMap(step => (step.op === 'bind' ? { key: step.path, val: step.source } : []))
  const masks = plan.maskedPaths.length === 0 ? [] : [{ key: MASK, val: MASK }]
  return [...bound, ...devices, ...masks]
}

/** What of the host is bound where a user namespace may not mount; the checkpoint says whether it was. */
function offerFallbacks({ mounts }: ContainerPlan, { cgroup }: Baggage) {
  const sources = { sys: '/sys', 'own-cgroup': cgroup?.path, 'cgroup-root': cgroup?.mount }
  return mounts.flatMap(step => {
    const val = step.op === 'filesystem' && step.fallback && sources[step.fallback.source]
    return val ? { key: step.destination, val } : []
  })
}

function place(executor: Executor, step: BindStep, sources: Sources, path: string): string {
  const { kernel: inside } = executor
  return doing(`mount \`${step.destination}\``, () => {
    const source = sourceOf(executor, sources, step)
    if (isDirectory(source)) inside.mkdirat(AT_FDCWD, path, 0o755)
    else inside.mknodat(AT_FDCWD, path, S_IFREG | 0o644, 0)
    inside.moveMountToPath(source.tree, path)
    return path
  })
}

/** Makes what is missing in the root file system, and in what is bound into it. */
function makeMountPoints(executor: Executor, plan: ContainerPlan, baggage: Baggage, scratch: string): void {
  const root = placeTree(executor, plan, baggage.sources, scratch)
  const check = fillRoot(root, plan, mountSite(executor, baggage))
  if (plan.process?.terminal) root.file('/dev/console')
  check()
  executor.kernel.detach(scratch)
}
