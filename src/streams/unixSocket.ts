import { EAGAIN, EINTR } from '../../native/abi/errno.ts'
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../native/abi/fcntl.ts'
import { isErrno } from '../../native/failure.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { SLOW_MS, tellSlow } from '../../native/patience.ts'

/** Who starts the receiver together with the runtime has it listen a moment later; runc, which connects late, wins that race. */
const START_MS = 500
const START_PAUSE_MS = 10

/**
 * A connection to the stream socket at an absolute path of the host, however long it is: an address holds 107 bytes, so
 * the path leads through a descriptor of the directory. `hint` says what errnos of connect(2) mean to the user.
 */
export function connectSocket(outside: Kernel<'outside'>, path: string, hint: Call['hint']): Fd<'outside'> {
  const slash = path.lastIndexOf('/')
  using directory = outside.openat(AT_FDCWD, path.slice(0, slash + 1), O_PATH | O_DIRECTORY)
  const socket = outside.unixSocket()
  try {
    const address = `/proc/self/fd/${directory.number}/${path.slice(slash + 1)}`
    connectPatiently(outside, socket, address, { subject: `\`${path}\``, hint })
    return socket
  } catch (error) {
    socket.close()
    throw error
  }
}

/** connect(2), which waits as long as the other side has more connections than it accepts. */
function connectPatiently(
  outside: Kernel<'outside'>,
  socket: Fd<'outside'>,
  address: string,
  about: Pick<Call, 'subject' | 'hint'>,
): void {
  outside.socketTimeout(socket, 'send', SLOW_MS)
  const isAccepted = connectSoon(outside, socket, address, about)
  outside.socketTimeout(socket, 'send', 0)
  if (isAccepted) return
  tellSlow(`waiting for somebody to accept a connection to ${about.subject}`)
  outside.connectTo(socket, address, undefined, about)
}

/** connect(2), once somebody listens; whoever has no more connections to give lets it return false. */
function connectSoon(
  outside: Kernel<'outside'>,
  socket: Fd<'outside'>,
  address: string,
  about: Pick<Call, 'subject' | 'hint'>,
): boolean {
  const attempt = () => outside.connectTo(socket, address, [EAGAIN, EINTR], about)
  for (let waited = 0; waited < START_MS; waited += START_PAUSE_MS) {
    try {
      return attempt()
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'ECONNREFUSED')) throw error
    }
    outside.sleep(START_PAUSE_MS)
  }
  return attempt()
}
