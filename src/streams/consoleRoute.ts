import type { Executor } from '../../native/executor/launch.ts'
import type { Fd, Fds } from '../../native/fd.ts'
import { doing, HostError, UsageError } from '../errors.ts'
import type { Runtime } from '../runtime.ts'
import { connectSocket } from './unixSocket.ts'

/** Where the master of a terminal goes. */
export interface ConsoleRoute {
  /** The connected socket on which the executor sends it. */
  readonly passedFd: Fd<'outside'>
  /** What the other side is, for messages. */
  readonly to: string
  /** The master, once the executor has sent it; without a console socket only. The caller owns it. */
  readonly receive: (() => Fd<'outside'>) | undefined
}

/** What the payload of the message says, as in runc; receivers take it for a name and look at the descriptor. */
export const MASTER_NAME = '/dev/ptmx'

const connectHints = {
  ENOENT: 'there is no such socket; whoever is to get the terminal listens before the command runs',
  ECONNREFUSED: 'nobody listens there',
  EPROTOTYPE: 'it is not a stream socket',
  EACCES: 'the runtime may not connect to it',
}

const sendHints = {
  EPIPE: 'the receiver has closed the connection',
  ECONNRESET: 'the receiver has closed the connection',
}

/** Who gets the master: the path of a socket where somebody listens, or the descriptor of one that is connected. */
export type ConsoleSocket = string | number

/** Throws a UsageError when the command line does not fit: only a command in the foreground can hold a terminal itself. */
export function checkConsole(terminal: boolean, consoleSocket: ConsoleSocket | undefined, foreground: boolean): void {
  if (consoleSocket !== undefined && !terminal)
    throw new UsageError('--console-socket is given, but the process has no terminal (`process.terminal` is not true)')
  if (terminal && consoleSocket === undefined && !foreground)
    throw new UsageError('a terminal needs somebody who holds it: give --console-socket, or run in the foreground')
}

/** The way for the master: to the console socket when there is one, else to this process. */
export function openConsoleRoute(
  { outside, absolute }: Runtime,
  consoleSocket: ConsoleSocket | undefined,
  fds: Fds,
): ConsoleRoute {
  if (typeof consoleSocket === 'number')
    return { passedFd: fds.keep(outside.duplicate(consoleSocket, 3)), to: 'the caller', receive: undefined }
  if (consoleSocket !== undefined) {
    const path = absolute(consoleSocket)
    const passedFd = doing('console socket', () => fds.keep(connectSocket(outside, path, connectHints)))
    return { passedFd, to: `\`${path}\``, receive: undefined }
  }
  const [ours, passedFd] = outside.socketpair()
  fds.keep(ours)
  fds.keep(passedFd)
  const receive = () => {
    const master = outside.receiveDescriptor(ours, 'terminal')
    if (master === undefined) throw new HostError('the terminal got lost: is the limit of open files reached?')
    return master
  }
  return { passedFd, to: 'the planner', receive }
}

/** Has the executor send the master. */
export function deliverMaster(
  { kernel, passed }: Executor,
  { passedFd, to }: ConsoleRoute,
  master: Fd<'inside'>,
): void {
  kernel.sendDescriptor(passed(passedFd), MASTER_NAME, master, {
    subject: `the terminal to ${to}`,
    hint: sendHints,
  })
}
