// Sizes of structs about processes, times and terminals, and where their fields lie.

/** `struct clone_args` of <linux/sched.h>. */
export const CLONE_ARGS = { size: 88, flags: 0, pidfd: 8, parent_tid: 24, exit_signal: 32, cgroup: 80 } as const

/** `siginfo_t` of <signal.h> for a child that has ended; see waitid(2). */
export const SIGINFO = { size: 128, si_code: 8, si_pid: 16, si_status: 24 } as const

/** `struct new_utsname` of <linux/utsname.h>. */
export const NEW_UTSNAME = { size: 390, release: 130 } as const

/** `struct pidfd_info` of <linux/pidfd.h> in its first version. */
export const PIDFD_INFO = { size: 64, mask: 0, exit_code: 60 } as const

/** `struct pollfd` of <poll.h>. */
export const POLLFD = { size: 8, fd: 0, events: 4, revents: 6 } as const

/** `struct timespec` of <time.h>. */
export const TIMESPEC = { size: 16, tv_sec: 0, tv_nsec: 8 } as const

/** `struct timeval` of <sys/time.h>. */
export const TIMEVAL = { size: 16, tv_sec: 0, tv_usec: 8 } as const

/** `struct itimerval` of <sys/time.h>, two `struct timeval`. */
export const ITIMERVAL = { size: 32, it_interval: 0, it_value: 16 } as const

/** `struct rlimit64` of <sys/resource.h>. */
export const RLIMIT = { size: 16, rlim_cur: 0, rlim_max: 8 } as const

/** `struct sched_attr` of <linux/sched/types.h> with the clamps at its end, since Linux 5.3. */
export const SCHED_ATTR = {
  size: 56,
  sched_policy: 4,
  sched_flags: 8,
  sched_nice: 16,
  sched_priority: 20,
  sched_runtime: 24,
  sched_deadline: 32,
  sched_period: 40,
} as const

/** `struct __user_cap_header_struct` of <linux/capability.h>. */
export const CAP_HEADER = { size: 8, version: 0 } as const

/** `struct __user_cap_data_struct` of <linux/capability.h>: 32 capabilities; there are two in a row. */
export const CAP_DATA = { size: 12, effective: 0, permitted: 4, inheritable: 8 } as const

/** `struct winsize` of <sys/ioctl.h>. */
export const WINSIZE = { size: 8, ws_row: 0, ws_col: 2 } as const

/** `struct termios` of <asm/termbits.h>, which is not that of the C library. */
export const TERMIOS = { size: 36, c_iflag: 0, c_oflag: 4, c_cflag: 8, c_lflag: 12, c_cc: 17 } as const
