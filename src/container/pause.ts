import { freezeCgroup, thawCgroup } from '../cgroup/freezer.ts'
import { HostError, StateError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { ownCgroup } from '../setup/belongings.ts'
import { openContainer, type StoredContainer } from '../state/store.ts'

/**
 * Stops all processes of a container, also one that is not started yet, until it is resumed. Errors: StateError when it
 * has stopped or is paused already; HostError when it has no cgroup, or when processes do not stop: then all go on.
 */
export function pauseContainer(runtime: Runtime, id: string): void {
  using container = openContainer(runtime.outside, runtime.root, id, true)
  const { status } = container
  if (status === 'stopped') throw new StateError('container not running')
  if (status === 'paused') throw new StateError('container is paused already')
  freezeCgroup(runtime.outside, requireCgroup(runtime, container, 'paused'))
}

/** Lets the processes of a paused container go on. Errors: StateError when it is not paused; HostError. */
export function resumeContainer(runtime: Runtime, id: string): void {
  using container = openContainer(runtime.outside, runtime.root, id, true)
  const { status } = container
  if (status !== 'paused') throw new StateError('container not paused')
  thawCgroup(runtime.outside, requireCgroup(runtime, container, 'resumed'))
}

/** The path of the container's cgroup. Errors: HostError that says what can not be done without; StateError. */
export function requireCgroup(runtime: Runtime, container: StoredContainer, deed: string): string {
  const cgroup = ownCgroup(runtime, container)
  if (cgroup === undefined) throw new HostError(`the container has no cgroup of its own, so it can not be ${deed}`)
  return cgroup
}
