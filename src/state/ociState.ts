import { userName } from '../host/host.ts'
import type { Runtime } from '../runtime.ts'
import type { ContainerRecord, Status } from './record.ts'
import { openContainer } from './store.ts'

/** What `tsrun state` prints: runtime.md#state, and what runc and crun print beside it. */
export interface ContainerState {
  readonly ociVersion: string
  readonly id: string
  /** 0 when the container has stopped. */
  readonly pid: number
  readonly status: Status
  readonly bundle: string
  readonly rootfs: string
  /** RFC 3339. */
  readonly created: string
  readonly owner: string
  /** The unit of systemd that the container is in, by crun's name for it. */
  readonly 'systemd-scope'?: string
  readonly annotations?: Readonly<Record<string, string>>
}

export function stateOf({ outside }: Runtime, record: ContainerRecord, status: Status): ContainerState {
  return {
    ociVersion: record.ociVersion,
    id: record.id,
    pid: status === 'stopped' ? 0 : record.pid,
    status,
    bundle: record.bundle,
    rootfs: record.rootfs,
    created: record.created,
    owner: userName(outside, record.uid),
    ...(record.unit && { 'systemd-scope': record.unit }),
    ...(record.annotations && { annotations: record.annotations }),
  }
}

/** The state of a container. Errors: StateError when there is none, or when its creation has not got that far. */
export function containerState(runtime: Runtime, id: string): ContainerState {
  using container = openContainer(runtime.outside, runtime.root, id, false)
  return stateOf(runtime, container.established, container.status)
}

/** What a hook is told about its container; pid 0 when it has stopped. */
export type HookSubject = Pick<ContainerRecord, 'ociVersion' | 'id' | 'pid' | 'bundle' | 'rootfs'> & {
  readonly annotations?: ContainerRecord['annotations'] | undefined
}

/** What a hook reads from its standard input; see config.md#posix-platform-hooks. */
export function hookState(container: HookSubject, status: Status): string {
  return JSON.stringify(subjectState(container, status))
}

function subjectState({ ociVersion, id, pid, bundle, rootfs, annotations }: HookSubject, status: Status) {
  return { ociVersion, id, status, pid, bundle, root: rootfs, annotations }
}

/** What a seccomp agent reads beside the descriptor of process `pid`; see config-linux.md#containerprocessstate. */
export function agentState(
  container: HookSubject,
  status: Status,
  metadata: string | undefined,
  pid = container.pid,
): string {
  const { ociVersion } = container
  return JSON.stringify({ ociVersion, fds: ['seccompFd'], pid, metadata, state: subjectState(container, status) })
}
