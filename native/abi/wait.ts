// <sys/wait.h>
export const WNOHANG = 1
export const WUNTRACED = 2
export const WEXITED = 4
export const WNOWAIT = 0x1000000
export const __WALL = 0x40000000
export const P_PIDFD = 3 // since 5.4
/** A value of `si_code` in `siginfo_t`. */
export const CLD_EXITED = 1

// <linux/magic.h>
export const PROC_SUPER_MAGIC = 0x9fa0
export const CGROUP2_SUPER_MAGIC = 0x63677270
export const TMPFS_MAGIC = 0x1021994
export const CGROUP_SUPER_MAGIC = 0x27e0eb
export const RDTGROUP_SUPER_MAGIC = 0x7655821
export const SYSFS_MAGIC = 0x62656572
export const SELINUX_MAGIC = 0xf97cff8c
export const DEVPTS_SUPER_MAGIC = 0x1cd1
