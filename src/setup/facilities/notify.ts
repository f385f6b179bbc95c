import { O_DIRECTORY } from '../../../native/abi/fcntl.ts'
import { POLLIN, POLLOUT } from '../../../native/abi/socket.ts'
import type { Executor } from '../../../native/executor/launch.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { pollPatiently } from '../../../native/patience.ts'
import { decode, encode } from '../../../native/utf8.ts'
import { doing, Failure } from '../../errors.ts'
import type { NotifyPlace } from '../../plan/notify.ts'
import type { ContainerRoot } from '../../rootfs/containerRoot.ts'
import type { Runtime } from '../../runtime.ts'
import { connectOnce } from '../../streams/unixSocket.ts'
import type { Watch } from '../../streams/watch.ts'
import { tellBeforeProgram } from '../tail.ts'

// sd_notify(3) for a program in a container, when this process has a NOTIFY_SOCKET:
//
//   1. withNotifySocket()     a tmpfs for it, and NOTIFY_SOCKET in the program's environment   plan/notify.ts
//   2. bindNotifySocket()     the first process makes the socket there, in its own root
//   3. handOverNotify()       and gives it, right before its program, to who starts that
//   4. receiveNotify()        which is `start` or `run`
//   5. awaitReady()           and waits there until the program is ready; in the foreground: relayNotify() beside the rest

/** What goes along with the descriptor. */
const WORD = 'notify'
/** The longest message that is passed on. */
const MESSAGE_MAX = 4096
const READY = 'READY=1'
/** How long a service manager may have no room for a message. */
const PATIENCE_MS = 5000

/**
 * Binds a socket, of the executor's, in its root. Any user of the container may write to it: the file mode creation mask
 * is 0. There is no bindat(2), and who shares the root file system may exchange a directory on the way for a link to a
 * descriptor of the executor's: so the directory is opened as all others are, and worked in.
 */
export function bindNotifySocket(root: ContainerRoot, socket: Fd<'inside'>, { directory, name }: NotifyPlace): void {
  const { inside } = root
  doing('sd_notify', () => {
    inside.fchdir(root.open(directory, O_DIRECTORY))
    inside.bindTo(socket, name)
    inside.fchdir(root.fd)
  })
}

/** A step of the tail: sends the socket to whoever waits for the program. */
export function handOverNotify(tail: Kernel<'inside'>, executor: Executor, socket: Fd<'inside'>): void {
  tail.sendDescriptor(executor.controlNumber, WORD, socket)
}

/** The socket, undefined when the first process has ended before. The caller owns it. */
export function receiveNotify(
  outside: Kernel<'outside'>,
  connection: Fd<'outside'>,
  slow = tellBeforeProgram,
  ending: readonly number[] = [],
): Fd<'outside'> | undefined {
  pollPatiently(outside, [{ fd: connection, events: POLLIN }], -1, slow, ending)
  return outside.receiveMessage(connection, WORD.length, 'sd_notify').descriptor
}

/**
 * Waits until the program says that it is ready, or ends; then tells the service manager so, together with the pid that it
 * is to watch from now on.
 */
export function awaitReady(runtime: Runtime, socket: Fd<'outside'>, pid: number): void {
  const { outside } = runtime
  using pidfd = outside.pidfdOpen(pid, [])
  for (;;) {
    const [told, ended] = outside.poll(
      [socket, pidfd].map(fd => ({ fd, events: POLLIN })),
      -1,
    )
    const lines = told ? readLines(outside, socket) : []
    if (lines.includes(READY)) tell(runtime, [`MAINPID=${pid}`, READY])
    if (lines.includes(READY) || ended) return
  }
}

/** Passes on what the program says, for as long as this process is there. */
export function relayNotify(runtime: Runtime, socket: Fd<'outside'>): Watch {
  return new Relay(runtime, socket)
}

/** As long as the service manager has no room for a message, no other one is read: it is the program that waits then. */
class Relay implements Watch {
  readonly #runtime: Runtime
  readonly #socket: Fd<'outside'>
  #held: { readonly lines: readonly string[]; readonly manager: Fd<'outside'> } | undefined

  constructor(runtime: Runtime, socket: Fd<'outside'>) {
    this.#runtime = runtime
    this.#socket = socket
  }

  get poll() {
    return this.#held ? { fd: this.#held.manager.number, events: POLLOUT } : { fd: this.#socket.number, events: POLLIN }
  }

  react(): void {
    const { outside } = this.#runtime
    const lines = this.#held?.lines ?? readLines(outside, this.#socket).filter(isForHost)
    const manager = this.#held?.manager ?? connectManager(this.#runtime, lines)
    this.#held = undefined
    if (manager === undefined) return
    trying(this.#runtime, () => {
      if (!outside.sendAtOnce(manager, encode(lines.join('\n')))) this.#held = { lines, manager }
    })
    if (this.#held === undefined) manager.close()
  }
}

/**
 * What a program may say of itself. Not that it has other pids (those are the container's), nor who else may speak
 * (NOTIFYACCESS), nor what is about descriptors, which are not passed on.
 */
const PASSED_ON = [
  'READY',
  'RELOADING',
  'MONOTONIC_USEC',
  'STOPPING',
  'STATUS',
  'ERRNO',
  'BUSERROR',
  'EXIT_STATUS',
  'WATCHDOG',
  'WATCHDOG_USEC',
  'EXTEND_TIMEOUT_USEC',
]

function isForHost(line: string): boolean {
  return PASSED_ON.includes(line.split('=')[0]!)
}

/**
 * Descriptors in the message, of a barrier for instance (see sd_notify_barrier(3): its end is what the program waits for),
 * are dropped by the kernel: there is no room for them. To receive and close them would call the file systems they are of.
 */
function readLines(outside: Kernel<'outside'>, socket: Fd<'outside'>): string[] {
  return decode(outside.receiveBytes(socket, MESSAGE_MAX)).split('\n')
}

/** Tells it, and waits until it has room for that, but not for ever. */
function tell(runtime: Runtime, lines: readonly string[]): void {
  const { outside } = runtime
  using manager = connectManager(runtime, lines)
  if (manager === undefined) return
  outside.socketTimeout(manager, 'send', PATIENCE_MS)
  trying(runtime, () => outside.sendBytes(manager, encode(lines.join('\n'))))
}

/** Undefined when there is nobody to tell it to, or nothing to tell. */
function connectManager(runtime: Runtime, lines: readonly string[]): Fd<'outside'> | undefined {
  const { outside, env } = runtime
  const address = env('NOTIFY_SOCKET')
  if (address === undefined || lines.length === 0) return undefined
  const socket = outside.unixDatagramSocket()
  const isAbstract = address.startsWith('@')
  const connect = () =>
    isAbstract ? outside.connectTo(socket, `\0${address.slice(1)}`) : connectOnce(outside, socket, address)
  if (trying(runtime, connect)) return socket
  socket.close()
  return undefined
}

/** A service manager that does not hear us is no reason to end a container. */
function trying({ inform }: Runtime, work: () => unknown): boolean {
  try {
    work()
    return true
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    inform(`sd_notify: ${error.message}`)
    return false
  }
}
