import { spawnSync } from 'node:child_process'

/**
 * Listens on the socket that it is given, receives one pidfd, kills its process, and says the text sent along and which pid
 * that was. It gives the runtime time to end: create fails, rightly, when its container is killed meanwhile.
 */
export const PIDFD_RECEIVER = `
import array, os, signal, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(sys.argv[1]); listener.listen(1); print('ready', flush=True)
connection, _ = listener.accept()
data, rights, _, _ = connection.recvmsg(100, socket.CMSG_SPACE(4))
fd = array.array('i', rights[0][2])[0]
connection.settimeout(3)
try: connection.recv(1)
except TimeoutError: pass
pid = open(f'/proc/self/fdinfo/{fd}').read().split('Pid:')[1].split()[0]
signal.pidfd_send_signal(fd, signal.SIGKILL)
print(data.decode().strip(), pid)
`

/** Python with what the receiver needs of it. */
export const python = spawnSync('python3', ['-c', 'import signal; signal.pidfd_send_signal']).status === 0
