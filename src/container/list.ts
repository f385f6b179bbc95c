import { AT_FDCWD } from '../../native/abi/fcntl.ts'
import type { Kernel } from '../../native/kernel.ts'
import { userName } from '../host/host.ts'
import type { Runtime } from '../runtime.ts'
import { type ContainerState, stateOf } from '../state/ociState.ts'
import type { Status } from '../state/record.ts'
import { listIds, openContainerIfAny, type StoredContainer } from '../state/store.ts'

/** One of the containers of a list. `damaged` and `newer`: its state can not be read, see Reading. */
export interface ListedContainer extends Omit<ContainerState, 'status'> {
  readonly status: Status | 'damaged' | 'newer'
}

/** All containers that are established, in alphabetical order; one whose state can not be read keeps no other from it. */
export function listContainers(runtime: Runtime): ListedContainer[] {
  return listIds(runtime.outside, runtime.root).flatMap(id => {
    using container = openContainerIfAny(runtime.outside, runtime.root, id, false)
    return container === undefined ? [] : listed(runtime, container)
  })
}

function listed(runtime: Runtime, container: StoredContainer): ListedContainer[] {
  const { reading, id } = container
  if (reading.kind === 'none') return []
  if (reading.kind === 'record') return [stateOf(runtime, reading.record, container.status)]
  const { ociVersion = '', bundle = '', rootfs = '', created } = reading.rest
  const made = creationOf(runtime.outside, container)
  return [
    { ociVersion, id, pid: 0, status: reading.kind, bundle, rootfs, created: created ?? made.time, owner: made.owner },
  ]
}

/** Readers of the list in other languages need a time. */
function creationOf(outside: Kernel<'outside'>, { path }: StoredContainer): { time: string; owner: string } {
  const stat = outside.statx(AT_FDCWD, path).stat
  return { time: new Date((stat?.modified ?? 0) * 1000).toISOString(), owner: userName(outside, stat?.uid ?? 0) }
}
