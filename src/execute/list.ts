import type { Runtime } from '../runtime.ts'
import { listIds, openContainerIfAny } from '../state/store.ts'
import { type ContainerState, stateOf } from './state.ts'

/** All containers that are established, in alphabetical order. */
export function listContainers(runtime: Runtime): ContainerState[] {
  return listIds(runtime.outside, runtime.root).flatMap(id => {
    using container = openContainerIfAny(runtime.outside, runtime.root, id, false)
    return container?.record === undefined ? [] : [stateOf(runtime, container.record, container.status)]
  })
}
