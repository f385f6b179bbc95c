// <sys/socket.h>
export const AF_UNIX = 1
export const AF_INET = 2
export const AF_NETLINK = 0x10
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_SEQPACKET = 5
export const SOCK_CLOEXEC = 0x80000
export const SOCK_NONBLOCK = 0x800
export const SOL_SOCKET = 1
export const SO_RCVTIMEO = 20
export const SO_SNDTIMEO = 21
export const SCM_RIGHTS = 1
export const SCM_CREDENTIALS = 2
export const SCM_PIDFD = 4 // since 6.5, as is SO_PASSPIDFD
export const SO_PASSPIDFD = 76
export const MSG_DONTWAIT = 0x40
export const MSG_NOSIGNAL = 0x4000
export const MSG_CMSG_CLOEXEC = 0x40000000
export const SHUT_WR = 1
export const SHUT_RDWR = 2

// <poll.h>
export const POLLIN = 1
export const POLLPRI = 2
export const POLLOUT = 4
export const POLLERR = 8
export const POLLHUP = 0x10

// <linux/if.h>, <linux/sockios.h>
export const SIOCGIFFLAGS = 0x8913
export const SIOCSIFFLAGS = 0x8914
export const IFNAMSIZ = 0x10
