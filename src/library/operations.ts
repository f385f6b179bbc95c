import type { Config, Resources } from '../../spec/generated/config.ts'
import { stringify } from '../config/json.ts'
import { parseConfig, parseResources } from '../config/load.ts'
import { createContainer, type CreateRequest } from '../container/create.ts'
import { deleteContainer } from '../container/delete.ts'
import { type ExecRequest, startExec } from '../container/exec.ts'
import { listContainers, type ListedContainer } from '../container/list.ts'
import { pauseContainer, resumeContainer } from '../container/pause.ts'
import { containerPids } from '../container/ps.ts'
import { startContainer } from '../container/start.ts'
import { type Difference, updateContainer } from '../container/update.ts'
import type { CheckpointRequest } from '../criu/checkpoint.ts'
import type { RestoreRequest } from '../criu/restore.ts'
import type { Drift } from '../diagnose/drift/drift.ts'
import type { Finding } from '../diagnose/finding.ts'
import type { Inspection } from '../diagnose/inspect.ts'
import { doing, Failure } from '../errors.ts'
import type { ProcessChanges } from '../plan/process/execProcess.ts'
import type { Runtime } from '../runtime.ts'
import { readConfig } from '../setup/prepare.ts'
import { type ContainerState, containerState } from '../state/ociState.ts'
import { openContainer } from '../state/store.ts'
import { removeImageDirectory } from './image/belonging.ts'
import type { UnpackedImage } from './image/config.ts'
import { TerminalLine } from './terminalLine.ts'

/** A process that was just made: a child of ours that nobody has waited for. */
export interface MadeProcess {
  readonly pid: number
  /** The path of the container's cgroup. */
  readonly cgroup: string | undefined
  /** The descriptor of its terminal's master, which the caller owns. */
  readonly terminal?: number | undefined
}

/** What the caller wants to be otherwise in a configuration. */
export type ConfigChanges = Pick<ProcessChanges, 'args' | 'env' | 'cwd' | 'terminal' | 'consoleSize'>

/** What takes its time, and so is done in another thread. Arguments and results are plain data. */
export const operations = {
  create(runtime: Runtime, request: CreateRequest, changes: ConfigChanges): MadeProcess {
    return doing(`create \`${request.id}\``, () => {
      const changed = changedRequest(runtime, request, changes)
      using line = new TerminalLine(runtime.outside, changes.terminal)
      createContainer(runtime, { ...changed, ...line.request })
      return { ...made(runtime, request.id), terminal: line.receive() }
    })
  },

  start(runtime: Runtime, id: string): void {
    doing(`start \`${id}\``, () => startContainer(runtime, id))
  },

  exec(runtime: Runtime, request: ExecRequest): MadeProcess {
    return doing(`exec in \`${request.id}\``, () => {
      using line = new TerminalLine(runtime.outside, request.changes.terminal)
      const pid = startExec(runtime, { ...request, ...line.request })
      return { pid, cgroup: made(runtime, request.id).cgroup, terminal: line.receive() }
    })
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

  async checkpoint(runtime: Runtime, request: CheckpointRequest): Promise<void> {
    const { checkpointContainer } = await import('../criu/checkpoint.ts')
    doing(`checkpoint \`${request.id}\``, () => checkpointContainer(runtime, request))
  },

  async restore(runtime: Runtime, request: RestoreRequest, terminal: boolean): Promise<MadeProcess> {
    const { restoreContainer } = await import('../criu/restore.ts')
    using line = new TerminalLine(runtime.outside, terminal)
    await doing(`restore \`${request.id}\``, () =>
      restoreContainer(runtime, { ...request, ...line.request, detach: true }),
    )
    return { ...made(runtime, request.id), terminal: line.receive() }
  },

  async inspect(runtime: Runtime, id: string): Promise<Inspection> {
    const { inspectContainer } = await import('../diagnose/inspect.ts')
    return doing(`inspect \`${id}\``, () => inspectContainer(runtime, id))
  },

  async drift(runtime: Runtime, id: string): Promise<Drift> {
    const { findDrift } = await import('../diagnose/drift/drift.ts')
    return doing(`inspect \`${id}\``, () => findDrift(runtime, id))
  },

  async validate(
    runtime: Runtime,
    bundle: string,
    configFile: string | undefined,
    configText: string | undefined,
  ): Promise<Finding[]> {
    const { validateBundle } = await import('../diagnose/validate/validate.ts')
    return doing('validate', () => validateBundle(runtime, bundle, configFile, configText))
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
    const bundle = bundleOf(runtime, id)
    doing(`delete \`${id}\``, () => deleteContainer(runtime, id, force))
    if (bundle !== undefined) doing(`delete \`${id}\``, () => removeImageDirectory(runtime.outside, bundle, id))
  },

  async unpack(runtime: Runtime, image: string, directory: string): Promise<UnpackedImage> {
    const { unpackImage } = await import('./image/unpack.ts')
    return await doing(`image \`${image}\``, () => unpackImage(runtime, image, directory))
  },

  forget(runtime: Runtime, id: string, directory: string): void {
    doing(`image of \`${id}\``, () => removeImageDirectory(runtime.outside, directory, id))
  },
} satisfies Record<string, (runtime: Runtime, ...args: never[]) => unknown>

/** Undefined when there is no container, or none that can be read. */
function bundleOf({ outside, root }: Runtime, id: string): string | undefined {
  try {
    using container = openContainer(outside, root, id, false)
    return container.established.bundle
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

function made({ outside, root }: Runtime, id: string): MadeProcess {
  using container = openContainer(outside, root, id, false)
  const { pid, cgroup } = container.established
  return { pid, cgroup }
}

/** With a configuration that has the changes, when there are any. */
function changedRequest(runtime: Runtime, request: CreateRequest, changes: ConfigChanges): CreateRequest {
  if (Object.values(changes).every(change => change === undefined || change === false)) return request
  const text = request.configText ?? readConfig(runtime, runtime.absolute(request.bundle), request.configFile)
  return { ...request, configText: stringify(changedConfig(parseConfig(text), changes)) }
}

function changedConfig(config: Config, { args, env, cwd, terminal, consoleSize }: ConfigChanges): Config {
  const base = { cwd: '/', ...config.process }
  return {
    ...config,
    process: {
      ...base,
      ...(args && { args: [...args] }),
      ...(env && { env: [...(base.env ?? []), ...env] }),
      ...(cwd !== undefined && { cwd }),
      ...(terminal && { terminal }),
      ...(consoleSize && { consoleSize }),
    },
  }
}

export type Operations = typeof operations
export type OperationName = keyof Operations

/** The arguments of an operation after the runtime. */
export type ArgumentsOf<N extends OperationName> =
  Parameters<Operations[N]> extends [Runtime, ...infer Rest] ? Rest : never
export type ResultOf<N extends OperationName> = Awaited<ReturnType<Operations[N]>>
