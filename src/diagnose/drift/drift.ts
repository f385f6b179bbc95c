import { AT_FDCWD } from '../../../native/abi/fcntl.ts'
import type { Config } from '../../../spec/generated/config.ts'
import { parseConfig, parseResources } from '../../config/load.ts'
import { HostError, StateError } from '../../errors.ts'
import { planContainer } from '../../plan/container.ts'
import type { Runtime } from '../../runtime.ts'
import { type ContainerRecord, START_SOCKET } from '../../state/record.ts'
import { openContainer } from '../../state/store.ts'
import { inspectContainer } from '../inspect.ts'
import { cgroupDrift } from './cgroup.ts'
import type { Comparison, Deviation } from './comparison.ts'
import { mountDrift } from './mounts.ts'
import { clockDrift, namespaceDrift } from './namespaces.ts'
import { processDrift } from './process.ts'
import { schedulingDrift } from './scheduling.ts'
import { sysctlDrift } from './sysctl.ts'

/** How a container differs from what config.json and updates have made of it. */
export interface Drift {
  readonly id: string
  readonly drift: readonly Deviation[]
  /** Differences that need no explanation: a program may give up rights, and change what is its own. */
  readonly notes: readonly Deviation[]
}

const PARTS: readonly ((comparison: Comparison) => Deviation[])[] = [
  namespaceDrift,
  clockDrift,
  sysctlDrift,
  processDrift,
  schedulingDrift,
  mountDrift,
  cgroupDrift,
]

/** Compares a running container with its configuration. Errors: StateError when it does not run, HostError when we may not look. */
export function findDrift(runtime: Runtime, id: string): Drift {
  const comparison = prepare(runtime, id)
  const findings = PARTS.flatMap(part => part(comparison))
  if (inspectContainer(runtime, id).pid !== comparison.now.pid) throw new StateError('container not running')
  return {
    id,
    drift: findings.filter(({ note }) => !note),
    notes: findings.filter(({ note }) => note),
  }
}

function prepare(runtime: Runtime, id: string): Comparison {
  const { outside } = runtime
  using container = openContainer(outside, runtime.root, id, false)
  const record = container.established
  const config = withUpdates(parseConfig(container.configText), record)
  const started = outside.statx(AT_FDCWD, `${container.path}/${START_SOCKET}`).stat === undefined
  const now = inspectContainer(runtime, id)
  if (now.pid === 0) throw new StateError('container not running')
  // What waits for `start` is protected from other users.
  if (!now.namespaces?.length)
    throw new HostError(
      'the container is not ours to look into; without privileges that can be done when it is started',
    )
  const plan = planContainer(config, {
    id,
    bundle: record.bundle,
    noPivot: false,
    listenFds: 0,
    notify: record.notifies ? (record.notifyDirectory ?? '@') : undefined,
    inUserNamespace: runtime.inUserNamespace,
    capMknod: true,
    arch: runtime.host.arch,
  })
  return { runtime, record, config, plan, now, started }
}

/** What `update` has changed is expected. */
function withUpdates(config: Config, { resources }: ContainerRecord): Config {
  if (resources === undefined) return config
  return { ...config, linux: { ...config.linux, resources: parseResources(resources) } }
}
