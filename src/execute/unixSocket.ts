import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../native/abi/fcntl.ts'
import type { Fd } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Call } from '../../native/kernels/machine.ts'

/**
 * A connection to the stream socket at an absolute path of the host, however long it is: an address holds 107 bytes, so
 * the path leads through a descriptor of the directory. `hint` says what errnos of connect(2) mean to the user.
 */
export function connectSocket(outside: Kernel, path: string, hint: Call['hint']): Fd {
  const slash = path.lastIndexOf('/')
  using directory = outside.openat(AT_FDCWD, path.slice(0, slash + 1), O_PATH | O_DIRECTORY)
  const socket = outside.unixSocket()
  try {
    const address = `/proc/self/fd/${directory.number}/${path.slice(slash + 1)}`
    outside.connectTo(socket, address, undefined, { subject: `\`${path}\``, hint })
    return socket
  } catch (error) {
    socket.close()
    throw error
  }
}
