// What is mounted: sources on the host, the order, and what is made of the host's own.

import { AT_FDCWD } from '../../../native/abi/fcntl.ts'
import { MOUNT_ATTR_RDONLY } from '../../../native/abi/mount.ts'
import { S_IFMT } from '../../../native/abi/stat.ts'
import { isWithin } from '../../paths.ts'
import type { MountStep } from '../../plan/mounts/mounts.ts'
import { isOwn } from '../../plan/namespaces/namespaces.ts'
import { nodeTypes } from '../../rootfs/deviceNodes.ts'
import type { Finding } from '../finding.ts'
import type { HostCheck, Site } from './site.ts'
import { isDirectory } from './view.ts'

export const MOUNT_CHECKS: readonly HostCheck[] = [mounts, needsProc, fileSystemsAreKnown, devices]

/** In their order, since a later one sees what those before it have made; builds the view for all other checks. */
function* mounts(site: Site): Iterable<Finding> {
  const { plan, view, tell } = site
  for (const step of plan.mounts) {
    if (step.op === 'bind') yield* source(site, step)
    if (step.op === 'remount' && !plan.mounts.some(other => other !== step && other.destination === step.destination))
      yield tell('warning', step.pointer, `changes the mount at \`${step.destination}\`, and no entry makes one there`)
    yield* target(site, step)
    const before = view.locate(step.destination)
    for (const hidden of view.mount(step)) yield* covered(site, hidden, step)
    if (before.kind === 'there' && before.path !== step.destination)
      yield tell('note', `${step.pointer}/destination`, `leads through symbolic links to \`${before.path}\``)
  }
}

function* source({ runtime, tell }: Site, step: MountStep & { op: 'bind' }): Iterable<Finding> {
  const pointer = `${step.pointer}/source`
  const { stat } = runtime.outside.statx(AT_FDCWD, step.source, 0, 'any')
  if (stat === undefined)
    yield tell(
      'error',
      pointer,
      `\`${step.source}\` does not exist on the host, or can not be reached`,
      'a bind mount makes no source; create it, or correct the path, which counts from the bundle when it is relative',
    )
}

function* target({ view, tell, runtime }: Site, step: MountStep): Iterable<Finding> {
  const place = view.locate(step.destination)
  if (place.kind !== 'there') return
  const directory = isDirectory(place.stat)
  const wanted = step.op === 'bind' ? runtime.outside.statx(AT_FDCWD, step.source, 0, 'any').stat : undefined
  if (step.op === 'filesystem' && !directory)
    yield tell('error', `${step.pointer}/destination`, `\`${step.destination}\` is a file in the container`)
  if (wanted !== undefined && isDirectory(wanted) !== directory)
    yield tell(
      'error',
      `${step.pointer}/destination`,
      `\`${step.destination}\` is ${directory ? 'a directory' : 'no directory'} in the container, and the source is ${directory ? 'none' : 'one'}`,
    )
  if (step.needsRealTarget && place.path !== step.destination)
    yield tell('error', `${step.pointer}/destination`, `\`${step.destination}\` is behind a symbolic link`)
}

function* covered({ tell }: Site, hidden: MountStep, by: MountStep): Iterable<Finding> {
  const same = hidden.destination === by.destination
  yield tell(
    same ? 'warning' : 'error',
    `${hidden.pointer}/destination`,
    `\`${hidden.destination}\` is hidden by the later mount on \`${by.destination}\``,
    same ? 'one of the two is not needed' : 'mounts are made in the order of the list; put the outer one first',
  )
}

/** The executable, masked paths and /dev/fd are looked for in /proc. */
function* needsProc({ plan, tell }: Site): Iterable<Finding> {
  if (!isOwn(plan.namespaces, 'mount') || plan.mounts.some(({ destination }) => destination === '/proc')) return
  yield tell('warning', '/mounts', 'nothing is mounted at `/proc`', 'most programs need it, and /dev/fd leads there')
}

/** What the kernel does not list may still be a module, so this is no error. */
function* fileSystemsAreKnown({ plan, runtime, tell }: Site): Iterable<Finding> {
  const known = (runtime.outside.readTextIfAny(AT_FDCWD, '/proc/filesystems') ?? '').split(/\s+/)
  for (const step of plan.mounts)
    if (step.op === 'filesystem' && known.length > 1 && !known.includes(step.type))
      yield tell(
        'warning',
        `${step.pointer}/type`,
        `the kernel does not list the file system \`${step.type}\``,
        'see /proc/filesystems; it may need a module',
      )
}

/** Without the right to make nodes those of the host are bound. */
function* devices({ plan, runtime, config, tell }: Site): Iterable<Finding> {
  for (const step of plan.devices) {
    const index = config.linux?.devices?.findIndex(({ path }) => path === step.path) ?? -1
    const pointer = index < 0 ? '/linux/devices' : `/linux/devices/${index}`
    const over = plan.mounts.find(mount => mount.op === 'bind' && isWithin(step.path, mount.destination))
    if (over !== undefined && over.op === 'bind' && (over.attributes.set & MOUNT_ATTR_RDONLY) !== 0)
      yield tell('warning', pointer, `\`${step.path}\` lies in the read-only mount on \`${over.destination}\``)
    if (step.op !== 'bind') continue
    const { stat } = runtime.outside.statx(AT_FDCWD, step.source, 0, 'any')
    const same =
      stat !== undefined &&
      (stat.mode & S_IFMT) === nodeTypes[step.type] &&
      stat.rdevMajor === step.major &&
      stat.rdevMinor === step.minor
    if (stat === undefined)
      yield tell('error', pointer, `\`${step.source}\` is not there to be bound, and devices can not be made here`)
    else if (!same) yield tell('error', pointer, `\`${step.source}\` of the host is another device`)
  }
}
