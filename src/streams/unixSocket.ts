import { EAGAIN, EINTR, ENOENT } from '../../native/abi/errno.ts'
import { isErrno, KernelError } from '../../native/failure.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'
import { SLOW_MS, tellSlow } from '../../native/patience.ts'
import { locate } from '../host/callersFiles.ts'

/** Who starts the receiver together with the runtime has it listen a moment later; runc, which connects late, wins that race. */
const START_MS = 500
const START_PAUSE_MS = 10

/**
 * A connection to the stream socket at an absolute path of the host, however long it is. Of links only ours and root's are
 * followed: another's may lead to somebody who is not meant. `hint` says what errnos of connect(2) mean to the user.
 */
export function connectSocket(outside: Kernel<'outside'>, path: string, hint: Call['hint']): Fd<'outside'> {
  const socket = outside.unixSocket()
  try {
    connectPatiently(outside, socket, path, { subject: `\`${path}\``, hint })
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
  path: string,
  about: Pick<Call, 'subject' | 'hint'>,
): void {
  outside.socketTimeout(socket, 'send', SLOW_MS)
  const isAccepted = connectSoon(outside, socket, path, about)
  outside.socketTimeout(socket, 'send', 0)
  if (isAccepted) return
  tellSlow(`waiting for somebody to accept a connection to ${about.subject}`)
  connectOnce(outside, socket, path, undefined, about)
}

/** connect(2), once somebody listens; whoever has no more connections to give lets it return false. */
function connectSoon(
  outside: Kernel<'outside'>,
  socket: Fd<'outside'>,
  path: string,
  about: Pick<Call, 'subject' | 'hint'>,
): boolean {
  const attempt = () => connectOnce(outside, socket, path, [EAGAIN, EINTR], about)
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

/**
 * connect(2) to what is at a path of the host, by descriptor: nobody exchanges it after it was looked at, and an address holds
 * 107 bytes only.
 */
export function connectOnce(
  outside: Kernel<'outside'>,
  socket: Fd<'outside'>,
  path: string,
  tolerate?: Call['tolerate'],
  about: Pick<Call, 'subject' | 'hint'> = { subject: `\`${path}\`` },
): boolean {
  using place = locate(outside, path, [ENOENT])
  if (!place.exists) throw new KernelError('connect', ENOENT, about.subject, about.hint?.['ENOENT'])
  return outside.connectTo(socket, `/proc/self/fd/${place.number}`, tolerate, about)
}
