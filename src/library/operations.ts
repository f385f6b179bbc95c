import type { Resources } from '../../spec/generated/config.ts'
import { stringify } from '../config/json.ts'
import { parseResources } from '../config/load.ts'
import { type CreateRequest, createContainer } from '../container/create.ts'
import { deleteContainer } from '../container/delete.ts'
import { type ExecRequest, startExec } from '../container/exec.ts'
import { type ListedContainer, listContainers } from '../container/list.ts'
import { pauseContainer, resumeContainer } from '../container/pause.ts'
import { containerPids } from '../container/ps.ts'
import { startContainer } from '../container/start.ts'
import { type Difference, updateContainer } from '../container/update.ts'
import { doing } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { type ContainerState, containerState } from '../state/ociState.ts'
import { openContainer } from '../state/store.ts'

/** A process that was just made: a child of ours that nobody has waited for. */
export interface MadeProcess {
  readonly pid: number
  /** The path of the container's cgroup. */
  readonly cgroup: string | undefined
}

/** What takes its time, and so is done in another thread. Arguments and results are plain data. */
export const operations = {
  create(runtime: Runtime, request: CreateRequest): MadeProcess {
    doing(`create \`${request.id}\``, () => createContainer(runtime, request))
    return made(runtime, request.id)
  },

  start(runtime: Runtime, id: string): void {
    doing(`start \`${id}\``, () => startContainer(runtime, id))
  },

  exec(runtime: Runtime, request: ExecRequest): MadeProcess {
    return doing(`exec in \`${request.id}\``, () => ({
      pid: startExec(runtime, request),
      cgroup: made(runtime, request.id).cgroup,
    }))
  },

  pause(runtime: Runtime, id: string): void {
    doing(`pause \`${id}\``, () => pauseContainer(runtime, id))
  },

  resume(runtime: Runtime, id: string): void {
    doing(`resume \`${id}\``, () => resumeContainer(runtime, id))
  },

  update(runtime: Runtime, id: string, resources: Resources, dryRun: boolean): Difference[] {
    return doing(`update \`${id}\``, () => {
      const change = parseResources(stringify(resources), 'the change')
      return updateContainer(runtime, { id, change, schemata: {}, dryRun })
    })
  },

  pids(runtime: Runtime, id: string): number[] {
    return doing(`ps \`${id}\``, () => containerPids(runtime, id))
  },

  state(runtime: Runtime, id: string): ContainerState {
    return doing(`state of \`${id}\``, () => containerState(runtime, id))
  },

  list(runtime: Runtime): ListedContainer[] {
    return doing('list', () => listContainers(runtime))
  },

  delete(runtime: Runtime, id: string, force: boolean): void {
    doing(`delete \`${id}\``, () => deleteContainer(runtime, id, force))
  },
} satisfies Record<string, (runtime: Runtime, ...args: never[]) => unknown>

function made({ outside, root }: Runtime, id: string): MadeProcess {
  using container = openContainer(outside, root, id, false)
  const { pid, cgroup } = container.established
  return { pid, cgroup }
}

export type Operations = typeof operations
export type OperationName = keyof Operations

/** The arguments of an operation after the runtime. */
export type ArgumentsOf<N extends OperationName> =
  Parameters<Operations[N]> extends [Runtime, ...infer Rest] ? Rest : never
export type ResultOf<N extends OperationName> = ReturnType<Operations[N]>
