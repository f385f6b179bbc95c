import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { AT_FDCWD, O_RDWR } from '../../native/abi/fcntl.ts'
import { Fds } from '../../native/fd.ts'
import { UsageError } from '../errors.ts'
import { here } from './local.ts'
import type { Stdio, StdioOptions } from './options.ts'
import { Terminal } from './terminal.ts'

/** The standard streams of a program: its ends, which are descriptors, and ours. */
export interface OpenStdio {
  readonly descriptors: readonly [number, number, number]
  /** Ours, where the option is `'pipe'`. */
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** Until all that the program writes is where it belongs, for what leads on to streams of the caller. */
  readonly flows: Promise<void>[]
  /** Takes the master of the program's terminal, when it has one. */
  takeTerminal(master: number | undefined): Terminal | null
  /** The program reads no more. */
  closeInput(): void
  /** The program has its ends, or will never have. */
  handedOver(): void
  /** There is no program. */
  destroy(): void
}

/**
 * Starts a program with `start`, which calls `open` when it needs the streams. The program's ends are closed here afterwards,
 * and ours too when it fails.
 */
export async function withStdio<T>(options: StdioOptions, start: (open: () => OpenStdio) => Promise<T>): Promise<T> {
  let stdio: OpenStdio | undefined
  try {
    return await start(() => {
      stdio ??= options.terminal ? openForTerminal(options) : openStdio(options)
      return stdio
    })
  } catch (error) {
    stdio?.destroy()
    throw error
  } finally {
    stdio?.handedOver()
  }
}

function openStdio({ stdin = 'ignore', stdout = 'pipe', stderr = 'pipe' }: StdioOptions): OpenStdio {
  const theirs = new Fds()
  const sockets: Socket[] = []
  const destroy = () => {
    for (const socket of sockets) socket.destroy()
  }
  const open = (option: Stdio<Readable | Writable>, number: number): Opened => {
    const plain = openPlain(option, number, theirs)
    if (plain !== undefined) return { descriptor: plain }
    const [read, write] = here().outside.pipe()
    const [our, their] = number === 0 ? [write, read] : [read, write]
    theirs.keep(their)
    const socket = new Socket({ fd: our.take().number, readable: number > 0, writable: number === 0 })
    sockets.push(socket)
    return { descriptor: their.number, socket }
  }
  try {
    const [input, output, errors] = [open(stdin, 0), open(stdout, 1), open(stderr, 2)]
    if (typeof stdin === 'object') feed(stdin, input.socket!)
    return {
      descriptors: [input.descriptor, output.descriptor, errors.descriptor],
      stdin: stdin === 'pipe' ? input.socket! : null,
      stdout: stdout === 'pipe' ? output.socket! : null,
      stderr: stderr === 'pipe' ? errors.socket! : null,
      flows: [
        ...(typeof stdout === 'object' ? [lead(output.socket!, stdout)] : []),
        ...(typeof stderr === 'object' ? [lead(errors.socket!, stderr)] : []),
      ],
      takeTerminal: () => null,
      closeInput: () => void input.socket?.destroy(),
      handedOver: () => theirs[Symbol.dispose](),
      destroy,
    }
  } catch (error) {
    theirs[Symbol.dispose]()
    destroy()
    throw error
  }
}

/** The program gets its streams from the terminal; until then there is nothing to read or to write. */
function openForTerminal({ stdin, stdout, stderr }: StdioOptions): OpenStdio {
  const theirs = new Fds()
  const nothing = openPlain('ignore', 0, theirs)!
  const flows: Promise<void>[] = []
  const unfit = [stdin, stdout].find(option => (option ?? 'pipe') !== 'pipe' && typeof option !== 'object')
  if (unfit !== undefined || stderr !== undefined) {
    theirs[Symbol.dispose]()
    throw new UsageError('with a terminal, stdin and stdout can be streams, and there is no stderr; see StdioOptions')
  }
  return {
    descriptors: [nothing, nothing, nothing],
    stdin: null,
    stdout: null,
    stderr: null,
    flows,
    takeTerminal: master => {
      const terminal = new Terminal(master!)
      if (typeof stdin === 'object') feed(stdin, terminal)
      if (typeof stdout === 'object') flows.push(lead(terminal, stdout))
      return terminal
    },
    closeInput: () => {},
    handedOver: () => theirs[Symbol.dispose](),
    destroy: () => {},
  }
}

interface Opened {
  readonly descriptor: number
  /** Our end of a pipe. */
  readonly socket?: Socket
}

/** The descriptor where no pipe is needed. A pipe and no socket pair, so that /dev/stdout can be opened in the container. */
function openPlain(option: Stdio<Readable | Writable>, own: number, theirs: Fds): number | undefined {
  if (option === 'inherit') return own
  if (option === 'ignore') return theirs.keep(here().outside.openat(AT_FDCWD, '/dev/null', O_RDWR)).number
  return typeof option === 'number' ? option : undefined
}

/** Copies what the program reads, which may end without reading all of it. */
function feed(from: Readable, to: Writable): void {
  to.on('error', () => from.unpipe(to))
  from.pipe(to)
}

/** Copies until the end. What nobody takes any more is lost, but the program is not held up by it. */
async function lead(from: Readable, to: Writable): Promise<void> {
  try {
    for await (const piece of from)
      if (to.writable)
        await new Promise<void>(resolve => {
          to.write(piece, () => resolve())
        })
  } catch {
    // There is no program, or it is gone and somebody has closed our end.
  }
}
