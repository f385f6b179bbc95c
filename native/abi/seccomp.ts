// <linux/seccomp.h>
export const SECCOMP_SET_MODE_FILTER = 1
export const SECCOMP_FILTER_FLAG_TSYNC = 0x1
export const SECCOMP_FILTER_FLAG_LOG = 0x2 // since 4.14
export const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 0x4 // since 4.17
export const SECCOMP_FILTER_FLAG_NEW_LISTENER = 0x8 // since 5.0
export const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20 // since 5.19

// What a filter returns: one of these, with data in the lower 16 bits.
export const SECCOMP_RET_KILL_PROCESS = 0x80000000
export const SECCOMP_RET_KILL_THREAD = 0x00000000
export const SECCOMP_RET_TRAP = 0x00030000
export const SECCOMP_RET_ERRNO = 0x00050000
export const SECCOMP_RET_USER_NOTIF = 0x7fc00000
export const SECCOMP_RET_TRACE = 0x7ff00000
export const SECCOMP_RET_LOG = 0x7ffc0000
export const SECCOMP_RET_ALLOW = 0x7fff0000
export const SECCOMP_RET_DATA = 0x0000ffff

// `struct seccomp_data`, what a filter looks at: int nr; __u32 arch; __u64 instruction_pointer; __u64 args[6].
export const SECCOMP_DATA_NR = 0
export const SECCOMP_DATA_ARCH = 4
export const SECCOMP_DATA_ARGS = 16
export const SECCOMP_DATA_SIZE = 64
