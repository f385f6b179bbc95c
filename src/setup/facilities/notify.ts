import { O_DIRECTORY } from '../../../native/abi/fcntl.ts'
import { POLLIN } from '../../../native/abi/socket.ts'
import type { Executor } from '../../../native/executor/launch.ts'
import type { Fd } from '../../../native/fd.ts'
import type { Kernel } from '../../../native/kernel.ts'
import { pollPatiently } from '../../../native/patience.ts'
import { decode, encode } from '../../../native/utf8.ts'
import { doing, Failure } from '../../errors.ts'
import { NOTIFY_DIRECTORY, NOTIFY_NAME } from '../../plan/notify.ts'
import type { ContainerRoot } from '../../rootfs/containerRoot.ts'
import type { Runtime } from '../../runtime.ts'
import type { Watch } from '../../streams/watch.ts'
import { tellBeforeProgram } from '../tail.ts'

// sd_notify(3) for a program in a container, when this process has a NOTIFY_SOCKET:
//
//   1. withNotifySocket()     a tmpfs at /run/notify, and NOTIFY_SOCKET in the program's environment   plan/notify.ts
//   2. bindNotifySocket()     the first process makes the socket there, in its own root
//   3. handOverNotify()       and gives it, right before its program, to who starts that
//   4. receiveNotify()        which is `start` or `run`
//   5. awaitReady()           and waits there until the program is ready; in the foreground: relayNotify() beside the rest

/** What goes along with the descriptor. */
const WORD = 'notify'
/** The longest message that is passed on. */
const MESSAGE_MAX = 4096
const READY = 'READY=1'

/**
 * Binds a socket, of the executor's, in its root. Any user of the container may write to it: the file mode creation mask
 * is 0. There is no bindat(2), and who shares the root file system may exchange a directory on the way for a link to a
 * descriptor of the executor's: so the directory is opened as all others are, and worked in.
 */
export function bindNotifySocket(root: ContainerRoot, socket: Fd<'inside'>): void {
  const { inside } = root
  doing('sd_notify', () => {
    inside.fchdir(root.open(NOTIFY_DIRECTORY, O_DIRECTORY))
    inside.bindTo(socket, NOTIFY_NAME)
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
  return {
    poll: { fd: socket.number, events: POLLIN },
    react: () => tell(runtime, readLines(runtime.outside, socket).filter(isForHost)),
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

/** A service manager that does not hear us is no reason to end a container. */
function tell({ outside, env, inform }: Runtime, lines: readonly string[]): void {
  const address = env('NOTIFY_SOCKET')
  if (address === undefined || lines.length === 0) return
  using socket = outside.unixDatagramSocket()
  try {
    outside.connectTo(socket, address.replace(/^@/, '\0'))
    outside.sendBytes(socket, encode(lines.join('\n')))
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    inform(`sd_notify: ${error.message}`)
  }
}
