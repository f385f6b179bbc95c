import { EPERM } from '../../native/abi/errno.ts'
import { SIGKILL } from '../../native/abi/signal.ts'
import type { Executor } from '../../native/executor/launch.ts'
import { cloneUnderWarden } from '../../native/executor/warden.ts'
import { Fd, type Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { doing } from '../errors.ts'
import { withExecutor } from '../host/withExecutor.ts'
import type { ContainerPlan } from '../plan/container.ts'
import type { FilesystemStep } from '../plan/mounts/mounts.ts'
import { isOwn, type Join, type NamespacePlan, type NamespaceType } from '../plan/namespaces/namespaces.ts'
import type { Runtime } from '../runtime.ts'
import { isSameFile, propagate, type Sources, setAttributes } from './sources.ts'
import { configure } from './superblock.ts'

/** A namespace to join, which the keeper enters first, for its child to be born in. */
export type OpenJoin = Join & { readonly fd: Fd<'outside'> }

/** File systems that show a namespace: to mount one takes CAP_SYS_ADMIN in the user namespace that owns it. */
const shows: Readonly<Record<string, NamespaceType>> = { proc: 'pid', mqueue: 'ipc' }

/**
 * With the file systems of namespaces that the container joins and its user namespace does not own: the container could not
 * mount them, so they are mounted with our own rights, by a process that joins nothing but that namespace. As in crun.
 */
export function withJoinedFilesystems(
  sources: Sources,
  runtime: Runtime,
  { namespaces, mounts }: ContainerPlan,
  joins: readonly OpenJoin[],
  fds: Fds,
): Sources {
  if (sources.root === undefined || !isOwn(namespaces, 'user')) return sources
  const filesystems = new Map<FilesystemStep, Fd<'outside'>>()
  for (const step of mounts) {
    if (step.op !== 'filesystem') continue
    const join = joins.find(({ type }) => type === shows[step.type])
    if (join === undefined || isOwned(runtime.outside, join, namespaces, joins)) continue
    const mount = doing(`mount \`${step.destination}\``, () => mountThere(runtime, step, join))
    if (mount !== undefined) filesystems.set(step, fds.keep(mount))
  }
  return { ...sources, filesystems, passed: [...sources.passed, ...filesystems.values()] }
}

/** Is the user namespace of the container the one that owns this? A new one owns nothing that was there before. */
function isOwned(
  outside: Kernel<'outside'>,
  { fd }: OpenJoin,
  { create }: NamespacePlan,
  joins: readonly OpenJoin[],
): boolean {
  const user = joins.find(({ type }) => type === 'user')
  if (create.has('user') || user === undefined) return false
  using owner = outside.namespaceOwner(fd)
  return owner.exists && isSameFile(outside.statx(owner, '').stat!, outside.statx(user.fd, '').stat!)
}

/** Undefined where our rights do not reach so far. */
function mountThere(runtime: Runtime, step: FilesystemStep, { fd, flag, path }: OpenJoin): Fd<'outside'> | undefined {
  const { outside } = runtime
  const work = (helper: Executor) => {
    const { kernel: inside } = helper
    inside.notDumpable()
    inside.setns(helper.passed(fd), flag, `\`${path}\``)
    const child = cloneUnderWarden(helper, 'tsrun:mount', undefined) // a pid namespace is that of children
    const mount = mountIn(helper, step)
    if (mount === undefined) return undefined
    using process = outside.pidfdOpen(child.pid())
    const own = new Fd(outside, outside.takeDescriptor(process, mount.number).take().result, step.destination)
    setAttributes(outside, own, { attributes: { set: 0, clear: 0 }, recursiveAttributes: step.recursiveAttributes })
    propagate(outside, own, step)
    return own
  }
  return withExecutor(runtime, { passed: [fd] }, work, killAll)
}

/** Somebody in there may have stopped the child. */
function killAll(outside: Kernel<'outside'>, helper: Executor): void {
  const children = helper.children()
  helper.release()
  for (const pid of [helper.pid, ...children]) {
    outside.now({ name: 'kill', args: [pid, SIGKILL], tolerate: 'any' })
    outside.wait(pid, 0, 'any')
  }
}

function mountIn({ kernel: inside }: Executor, { type, source, flags, parameters, attributes }: FilesystemStep) {
  const fs = inside.fsopen(type).take()
  inside.fsconfigString(fs, 'source', source)
  configure(inside, fs, flags, parameters)
  if (inside.fsconfigCreate(fs, [EPERM]).value < 0) return undefined
  return inside.fsmount(fs, attributes.set).take()
}
