import { randomUUID } from 'node:crypto'
import type { Config } from '../../spec/generated/config.ts'
import { checkId } from '../config/id.ts'
import { stringify } from '../config/json.ts'
import type { ListedContainer } from '../container/list.ts'
import type { Finding } from '../diagnose/finding.ts'
import { abortedBy, MaxOutputError } from './aborted.ts'
import { checkChanges, environmentOf } from './check/changes.ts'
import { checkArgument, checkOptions, kinds } from './check/options.ts'
import { CREATE_OPTIONS, RESTORE_OPTIONS, RUN_OPTIONS, RUNTIME_OPTIONS, VALIDATE_OPTIONS } from './check/tables.ts'
import { Container, terminalChanges } from './container.ts'
import { makeImageDirectory } from './image/belonging.ts'
import { configOfImage } from './image/config.ts'
import type {
  CreateOptions,
  Output,
  RestoreOptions,
  RunOptions,
  RuntimeOptions,
  StdioOptions,
  ValidateOptions,
} from './options.ts'
import type { MadeProcess } from './operations.ts'
import { Program } from './program.ts'
import { type OpenStdio, withStdio } from './stdio.ts'
import { type CallOptions, inThread } from './threads.ts'

/**
 * Creates containers and finds those that there are. Nothing is shared between objects of this class but the directory on
 * disk, and nothing has to be closed.
 *
 * No call blocks the event loop: what takes time is done in a few threads, started when they are needed, and whatever number
 * of containers is waited for, it is one thread that waits.
 *
 * Everything that fails is one of the classes {@link ConfigError}, {@link UsageError}, {@link StateError},
 * {@link HostError}, {@link KernelError}, all of them a {@link Failure}; nothing is left behind then.
 *
 * @example
 * ```ts
 * const runtime = new Runtime()
 * const { code, stdout } = await runtime.run({ bundle: '/var/lib/jobs/1' })
 * ```
 */
export class Runtime {
  readonly #call: CallOptions

  constructor(options: RuntimeOptions = {}) {
    checkOptions('Runtime', options, RUNTIME_OPTIONS)
    const { warn, ...settings } = options
    this.#call = { settings, warn: warn ?? (text => process.emitWarning(text, 'TsrunWarning')) }
  }

  /**
   * Creates a container: everything is there, and its program waits for {@link Container.start}. Rejects with a ConfigError
   * for a wrong configuration, a StateError when the id is taken, a HostError for what this host can not do.
   */
  async create(options: CreateOptions = {}): Promise<Container> {
    checkOptions('create', options, CREATE_OPTIONS)
    const [container] = await this.#create('create', options)
    return container
  }

  /**
   * Creates a container, waits for the end of its program, and removes the container, whatever happens. Rejects as create and
   * start do, with a {@link MaxOutputError} when the program writes more than is to be collected, and with an
   * {@link AbortError} when its signal is aborted; these two have what the program has written.
   */
  run(options: RunOptions & { readonly encoding: 'buffer' }): Promise<Output<Buffer>>
  run(options?: RunOptions & { readonly encoding?: 'utf8' }): Promise<Output>
  run(options?: RunOptions): Promise<Output<string | Buffer>>
  async run(options: RunOptions = {}): Promise<Output<string | Buffer>> {
    checkOptions('run', options, RUN_OPTIONS)
    const { maxOutput, encoding, ...others } = options
    let output: Promise<Output<string | Buffer>> | undefined
    try {
      const [container, program] = await this.#create('run', others)
      await using _ = container
      await container.start()
      output = program.output({ ...(maxOutput !== undefined && { maxOutput }), ...(encoding && { encoding }) })
      // Other processes of the container may hold its streams open, and go only with the container.
      const ended = container.wait().then(() => container.delete({ force: true }))
      const [result] = await Promise.all([output, ended])
      return result
    } catch (error) {
      if (!options.signal?.aborted || error instanceof MaxOutputError) throw error
      // All of it is gone by now, so the streams have ended.
      const nothing = encoding === 'buffer' ? Buffer.alloc(0) : ''
      const written = await output?.catch(() => undefined)
      throw abortedBy(options.signal.reason, written ?? { stdout: nothing, stderr: nothing })
    }
  }

  /**
   * Makes a container of a checkpoint; its processes go on where they were. Its standard streams are pipes as those of
   * {@link Runtime.create}, where they were pipes before. Rejects as create does, and with a HostError with what CRIU says.
   */
  async restore(options: RestoreOptions): Promise<Container> {
    checkOptions('restore', options, RESTORE_OPTIONS)
    checkArgument('restore', 'imagePath', options.imagePath, kinds.text)
    const { id: given, config, bundle = '.', stdin, stdout, stderr, terminal, signal, ...others } = options
    const configText = config && stringify(config)
    const id = checkId(given ?? randomUUID())
    const [container] = await this.#make(id, options, (call, stdio) =>
      inThread(call, 'restore', () => [{ ...others, id, bundle, configText, stdio: stdio() }, Boolean(terminal)]),
    )
    return container
  }

  /**
   * Finds all that is wrong, doubtful or worth knowing about a configuration: in its shape, in its meaning, and in how it fits
   * this host. Changes nothing. Rejects with a ConfigError when there is no config.json.
   */
  async validate(options: ValidateOptions = {}): Promise<readonly Finding[]> {
    checkOptions('validate', options, VALIDATE_OPTIONS)
    const { bundle = '.', config, configFile } = options
    return await inThread(this.#call, 'validate', () => [bundle, configFile, config && stringify(config)])
  }

  /** The container of this name; whether there is one shows when something is asked of it. */
  container(id: string): Container {
    checkArgument('container', 'the id', id, kinds.text)
    return new Container(checkId(id), this.#call)
  }

  /**
   * The states of all containers, in alphabetical order. One whose state.json can not be read is `damaged`, or `newer` when
   * a newer tsrun has written it.
   */
  async list(): Promise<readonly ListedContainer[]> {
    return await inThread(this.#call, 'list', () => [])
  }

  async #create(where: string, options: CreateOptions): Promise<[Container, Program]> {
    const { id: given, image, config, bundle = '.', args, env, cwd, stdin, stdout, stderr, ...more } = options
    const { terminal, signal, ...others } = more
    const changes = { args, env: environmentOf(env), cwd, ...terminalChanges(terminal) }
    checkChanges(where, changes)
    const id = checkId(given ?? randomUUID())
    const make = (bundle: string, config: Config | undefined) => {
      const configText = config && stringify(config)
      return this.#make(id, options, (call, stdio) =>
        inThread(call, 'create', () => [{ ...others, id, bundle, configText, stdio: stdio() }, changes]),
      )
    }
    if (image === undefined) return await make(bundle, config)
    signal?.throwIfAborted()
    const directory = makeImageDirectory(id)
    try {
      const unpacked = await inThread({ ...this.#call, signal }, 'unpack', () => [image, directory])
      return await make(directory, configOfImage(directory, unpacked, config, args))
    } catch (error) {
      await inThread(this.#call, 'forget', () => [id, directory])
      throw error
    }
  }

  /** A container that `make` makes in another thread, which ends by the signal of `options`. */
  async #make(
    id: string,
    options: StdioOptions & { readonly signal?: AbortSignal },
    make: (call: CallOptions, stdio: () => OpenStdio['descriptors']) => Promise<MadeProcess>,
  ): Promise<[Container, Program]> {
    const { signal } = options
    signal?.throwIfAborted()
    const program = await withStdio(
      options,
      async open => new Program(await make({ ...this.#call, signal }, () => open().descriptors), open()),
    )
    const container = new Container(id, this.#call, program, signal)
    if (!signal?.aborted) return [container, program]
    await container.delete({ force: true })
    throw signal.reason
  }
}
