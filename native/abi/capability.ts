// <linux/capability.h>. Bit numbers; the last one that a kernel knows is in /proc/sys/kernel/cap_last_cap.
export const capabilities: Readonly<Record<string, number>> = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_IPC_OWNER: 15,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_PACCT: 20,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_BOOT: 22,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_SYS_TIME: 25,
  CAP_SYS_TTY_CONFIG: 26,
  CAP_MKNOD: 27,
  CAP_LEASE: 28,
  CAP_AUDIT_WRITE: 29,
  CAP_AUDIT_CONTROL: 30,
  CAP_SETFCAP: 31,
  CAP_MAC_OVERRIDE: 32,
  CAP_MAC_ADMIN: 33,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_BLOCK_SUSPEND: 36,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38, // since 5.8
  CAP_BPF: 39, // since 5.8
  CAP_CHECKPOINT_RESTORE: 40, // since 5.9
}

// The ones that the code asks about.
export const CAP_SETGID = 6
export const CAP_SETUID = 7
export const CAP_SETPCAP = 8
export const CAP_SYS_CHROOT = 18
export const CAP_SYS_ADMIN = 21
export const CAP_SYS_RESOURCE = 24
export const CAP_MKNOD = 27
export const CAP_LAST_CAP = 40

// capset(2): `struct __user_cap_header_struct` is version and pid, the data is two times effective, permitted,
// inheritable: bits 0-31 first, bits 32-63 second. All words have 32 bits.
export const _LINUX_CAPABILITY_VERSION_3 = 0x20080522
export const _LINUX_CAPABILITY_U32S_3 = 2
