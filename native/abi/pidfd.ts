// <linux/pidfd.h>
export const PIDFD_THREAD = 0o200 // since 6.9
export const PIDFD_INFO_EXIT = 8 // since 6.15
/** _IOWR(0xFF, 11, struct pidfd_info), since 6.13. */
export const PIDFD_GET_INFO = 0xc040_ff0b

// <linux/nsfs.h>
export const NS_GET_USERNS = 0xb701 // since 4.9
