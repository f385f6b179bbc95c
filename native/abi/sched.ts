// <linux/sched.h>. clone(2), clone3(2), unshare(2), setns(2).
export const CLONE_NEWTIME = 0x80 // since 5.6; in the exit signal's byte, so not for clone(2)
export const CLONE_VM = 0x100
export const CLONE_FS = 0x200
export const CLONE_FILES = 0x400
export const CLONE_SIGHAND = 0x800
export const CLONE_PIDFD = 0x1000 // since 5.2
export const CLONE_VFORK = 0x4000
export const CLONE_PARENT = 0x8000
export const CLONE_THREAD = 0x10000
export const CLONE_NEWNS = 0x20000
export const CLONE_SYSVSEM = 0x40000
export const CLONE_SETTLS = 0x80000
export const CLONE_PARENT_SETTID = 0x100000
export const CLONE_CHILD_CLEARTID = 0x200000
export const CLONE_UNTRACED = 0x800000
export const CLONE_CHILD_SETTID = 0x1000000
export const CLONE_NEWCGROUP = 0x2000000 // since 4.6
export const CLONE_NEWUTS = 0x4000000
export const CLONE_NEWIPC = 0x8000000
export const CLONE_NEWUSER = 0x10000000
export const CLONE_NEWPID = 0x20000000
export const CLONE_NEWNET = 0x40000000

// Bit 31: `|` with anything makes it negative, so finish the expression with `>>> 0`.
export const CLONE_IO = 0x80000000

// clone3(2) only: above 32 bits, so bigint; combine with BigInt(the others).
export const CLONE_CLEAR_SIGHAND = 0x1_0000_0000n // since 5.5
export const CLONE_INTO_CGROUP = 0x2_0000_0000n // since 5.7
