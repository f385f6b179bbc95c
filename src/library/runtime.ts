import { randomUUID } from 'node:crypto'
import { checkId } from '../config/id.ts'
import { stringify } from '../config/json.ts'
import type { ListedContainer } from '../container/list.ts'
import { Container } from './container.ts'
import type { CreateOptions, Output, RunOptions, RuntimeOptions } from './options.ts'
import { Program } from './program.ts'
import { withStdio } from './stdio.ts'
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

  constructor({ warn, ...settings }: RuntimeOptions = {}) {
    this.#call = { settings, warn: warn ?? (text => process.emitWarning(text, 'TsrunWarning')) }
  }

  /**
   * Creates a container: everything is there, and its program waits for {@link Container.start}. Rejects with a ConfigError
   * for a wrong configuration, a StateError when the id is taken, a HostError for what this host can not do.
   */
  async create(options: CreateOptions = {}): Promise<Container> {
    const [container] = await this.#make(options)
    return container
  }

  /**
   * Creates a container, waits for the end of its program, and removes the container, whatever happens. Rejects as create and
   * start do, and with a Failure when the program writes more than is to be collected.
   */
  async run(options: RunOptions = {}): Promise<Output> {
    const [container, program] = await this.#make(options)
    await using _ = container
    await container.start()
    const output = program.output(options)
    // Other processes of the container may hold its streams open, and go only with the container.
    const ended = container.wait().then(() => container.delete({ force: true }))
    const [result] = await Promise.all([output, ended])
    return result
  }

  /** The container of this name; whether there is one shows when something is asked of it. */
  container(id: string): Container {
    return new Container(checkId(id), this.#call)
  }

  /**
   * The states of all containers, in alphabetical order. One whose state.json can not be read is `damaged`, or `newer` when
   * a newer tsrun has written it.
   */
  async list(): Promise<readonly ListedContainer[]> {
    return await inThread(this.#call, 'list', () => [])
  }

  async #make(options: CreateOptions): Promise<[Container, Program]> {
    const { id: given, config, bundle = '.', stdin, stdout, stderr, signal, ...others } = options
    signal?.throwIfAborted()
    const id = checkId(given ?? randomUUID())
    const configText = config && stringify(config)
    const program = await withStdio(options, async open => {
      const created = inThread({ ...this.#call, signal }, 'create', () => {
        const stdio = open().descriptors
        return [{ ...others, id, bundle, configText, stdio }]
      })
      return new Program(await created, open())
    })
    const container = new Container(id, this.#call, program, signal)
    if (!signal?.aborted) return [container, program]
    await container.delete({ force: true })
    throw signal.reason
  }
}
