import { Socket } from 'node:net'
import { Readable, Writable } from 'node:stream'
import { AT_FDCWD, O_RDWR } from '../../native/abi/fcntl.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import { here } from './local.ts'
import type { Stdio, StdioOptions } from './options.ts'

/** The standard streams of a program: its ends, which are descriptors, and ours. */
export interface OpenStdio {
  readonly descriptors: readonly [number, number, number]
  /** Ours, where the option is `'pipe'`. */
  readonly stdin: Writable | null
  readonly stdout: Readable | null
  readonly stderr: Readable | null
  /** All pipes that we read from, also those that lead on to a stream of the caller. */
  readonly outputs: readonly Readable[]
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
  const keepSocket = (socket: Socket) => {
    sockets.push(socket)
    return socket
  }
  try {
    const input = openInput(stdin, theirs)
    if (input.socket) keepSocket(input.socket)
    const outputs = [stdout, stderr].map((option, i) => {
      const output = openOutput(option, i + 1, theirs)
      if (output.socket) keepSocket(output.socket)
      return output
    })
    const [out, err] = outputs as [Opened, Opened]
    const ours = (option: Stdio<Readable | Writable>, socket: Socket | undefined) =>
      option === 'pipe' ? (socket ?? null) : null
    return {
      descriptors: [input.descriptor, out.descriptor, err.descriptor],
      stdin: ours(stdin, input.socket),
      stdout: ours(stdout, out.socket),
      stderr: ours(stderr, err.socket),
      outputs: outputs.flatMap(({ socket }) => socket ?? []),
      handedOver: () => theirs[Symbol.dispose](),
      destroy: () => {
        for (const socket of sockets) socket.destroy()
      },
    }
  } catch (error) {
    theirs[Symbol.dispose]()
    for (const socket of sockets) socket.destroy()
    throw error
  }
}

interface Opened {
  readonly descriptor: number
  readonly socket?: Socket
}

function openInput(option: Stdio<Readable>, theirs: Fds): Opened {
  const plain = openPlain(option, 0, theirs)
  if (plain !== undefined) return { descriptor: plain }
  const [read, write] = here().outside.pipe()
  theirs.keep(read)
  const socket = new Socket({ fd: write.take().number, readable: false, writable: true })
  if (option instanceof Readable) {
    // The program may end without reading all of it.
    socket.on('error', () => option.unpipe(socket))
    option.pipe(socket)
  }
  return { descriptor: read.number, socket }
}

function openOutput(option: Stdio<Writable>, own: number, theirs: Fds): Opened {
  const plain = openPlain(option, own, theirs)
  if (plain !== undefined) return { descriptor: plain }
  const [read, write] = here().outside.pipe()
  theirs.keep(write)
  const socket = new Socket({ fd: read.take().number, readable: true, writable: false })
  if (option instanceof Writable) socket.pipe(option, { end: false })
  return { descriptor: write.number, socket }
}

/** The descriptor where no pipe is needed. A pipe and no socket pair, so that /dev/stdout can be opened in the container. */
function openPlain(option: Stdio<Readable | Writable>, own: number, theirs: Fds): number | undefined {
  if (option === 'inherit') return own
  if (option === 'ignore') return theirs.keep(openNull()).number
  return typeof option === 'number' ? option : undefined
}

function openNull(): Fd {
  return here().outside.openat(AT_FDCWD, '/dev/null', O_RDWR)
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
