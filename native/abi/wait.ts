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

// <sys/statvfs.h>, also f_flags of statfs(2)
export const ST_RDONLY = 0x1
export const ST_NOSUID = 0x2
export const ST_NODEV = 0x4
export const ST_NOEXEC = 0x8
export const ST_NOATIME = 0x400
export const ST_NODIRATIME = 0x800
export const ST_RELATIME = 0x1000
export const ST_NOSYMFOLLOW = 0x2000 // since 5.10
