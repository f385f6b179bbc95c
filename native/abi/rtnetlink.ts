// <linux/netlink.h>, <linux/rtnetlink.h>, <linux/if_link.h>, <linux/if_addr.h>. netlink(7), rtnetlink(7).
export const NETLINK_ROUTE = 0
export const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
export const NLM_F_DUMP = 0x300
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLMSG_ERROR = 0x2
export const NLMSG_DONE = 0x3

export const RTM_NEWLINK = 16
export const RTM_GETLINK = 18
export const RTM_NEWADDR = 20
export const RTM_GETADDR = 22

export const IFLA_IFNAME = 3
export const IFLA_NET_NS_PID = 19
export const IFF_UP = 0x1
export const IFF_RUNNING = 0x40

export const IFA_ADDRESS = 1
export const IFA_LOCAL = 2
export const IFA_BROADCAST = 4
export const IFA_FLAGS = 8
export const IFA_F_PERMANENT = 0x80
export const RT_SCOPE_UNIVERSE = 0
