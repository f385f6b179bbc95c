// Sizes of structs about sockets and networks, and where their fields lie.

/** `struct iovec` of <sys/uio.h>. */
export const IOVEC = { size: 16, iov_base: 0, iov_len: 8 } as const

/** `struct msghdr` of <sys/socket.h>. */
export const MSGHDR = { size: 56, msg_iov: 16, msg_iovlen: 24, msg_control: 32, msg_controllen: 40 } as const

/** `struct cmsghdr` of <sys/socket.h>; what it is about lies behind it, see cmsg(3). */
export const CMSGHDR = { size: 16, cmsg_len: 0, cmsg_level: 8, cmsg_type: 12 } as const

/** `struct ucred` of <sys/socket.h>. */
export const UCRED = { size: 12, pid: 0, uid: 4, gid: 8 } as const

/** `struct sockaddr_un` of <sys/un.h>. */
export const SOCKADDR_UN = { size: 110, sun_family: 0, sun_path: 2 } as const

/** `struct ifreq` of <net/if.h>. */
export const IFREQ = { size: 40, ifr_name: 0, ifr_flags: 16 } as const

/** `struct nlmsghdr` of <linux/netlink.h>. */
export const NLMSGHDR = { size: 16, nlmsg_len: 0, nlmsg_type: 4, nlmsg_flags: 6 } as const

/** `struct nlattr` of <linux/netlink.h>. */
export const NLATTR = { size: 4, nla_len: 0, nla_type: 2 } as const

/** `struct ifinfomsg` of <linux/rtnetlink.h>. */
export const IFINFOMSG = { size: 16, ifi_index: 4, ifi_flags: 8, ifi_change: 12 } as const

/** `struct ifaddrmsg` of <linux/if_addr.h>. */
export const IFADDRMSG = { size: 8, ifa_flags: 2, ifa_scope: 3, ifa_index: 4 } as const
