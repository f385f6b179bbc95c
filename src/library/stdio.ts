import { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import { AT_FDCWD, O_RDWR } from '../../native/abi/fcntl.ts'
import { Fds } from '../../native/fd.ts'
import { UsageError } from '../errors.ts'
import { here } from './local.ts'
import type { Stdio, StdioOptions } from './options.ts'

/** The standard streams of a program: its ends, which are descriptors, and ours. */
export interface OpenStdio {
  readonly descriptors: readonly [number, number, number]
  /** Ours, where the option is `'pipe'`. */
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** Until all that the program writes is where it belongs, for what leads on to streams of the caller. */
  readonly flows: readonly Promise<void>[]
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
      stdio ??= openStdio(options)
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

interface Opened {
  readonly descriptor: number
  /** Our end of a pipe. */
  readonly socket?: Socket
}

/** The descriptor where no pipe is needed. A pipe and no socket pair, so that /dev/stdout can be opened in the container. */
function openPlain(option: Stdio<Readable | Writable>, own: number, theirs: Fds): number | undefined {
  if (option === 'inherit') return own
  if (option === 'ignore') return theirs.keep(here().outside.openat(AT_FDCWD, '/dev/null', O_RDWR)).number
  if (typeof option === 'number') return option
  if (option === 'pipe' || typeof option === 'object') return undefined
  throw new UsageError(`a standard stream can not be \`${option}\`; see Stdio`)
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

/** Collects the text that a stream gives until its end; calls `tooMuch` when it has more than `limit` bytes. */
export async function collect(stream: Readable | null, limit: number, tooMuch: () => void): Promise<string> {
  if (stream === null) return ''
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of stream as AsyncIterable<Buffer>) {
    size += piece.length
    if (size > limit) tooMuch()
    else pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}
