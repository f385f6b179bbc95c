// <linux/pidfd.h>
export const PIDFD_INFO_EXIT = 8 // since 6.15
/** Bytes of `struct pidfd_info` in its first version, which has the exit code at its end. */
export const PIDFD_INFO_SIZE = 64
/** _IOWR(0xFF, 11, struct pidfd_info), since 6.13. */
export const PIDFD_GET_INFO = 0xc040_ff0b
