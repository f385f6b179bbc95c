import { architecture } from '../arch/architecture.ts'

/** <asm/fcntl.h>: what differs, and means another thing on the other machine. */
export const flagsOf = {
  x86_64: { O_DIRECTORY: 0x10000, O_NOFOLLOW: 0x20000 },
  aarch64: { O_DIRECTORY: 0x4000, O_NOFOLLOW: 0x8000 },
} as const

export const { O_DIRECTORY, O_NOFOLLOW } = flagsOf[architecture ?? 'x86_64']

// <fcntl.h>
export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_RDWR = 2
export const O_ACCMODE = 3
export const O_CREAT = 0x40
export const O_EXCL = 0x80
export const O_NOCTTY = 0x100
export const O_TRUNC = 0x200
export const O_APPEND = 0x400
export const O_NONBLOCK = 0x800
export const O_ASYNC = 0x2000
export const O_PATH = 0x200000
export const O_CLOEXEC = 0x80000
export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_REMOVEDIR = 0x200
export const AT_SYMLINK_FOLLOW = 0x400
export const AT_EMPTY_PATH = 0x1000
export const F_DUPFD_CLOEXEC = 0x406
export const F_GETFD = 1
export const F_SETFD = 2
export const F_GETFL = 3
export const F_SETFL = 4
export const F_SETOWN = 8
export const F_SETSIG = 10
export const FD_CLOEXEC = 1
export const F_ADD_SEALS = 0x409
export const F_SEAL_SEAL = 1
export const F_SEAL_SHRINK = 2
export const F_SEAL_GROW = 4
export const F_SEAL_WRITE = 8

// <linux/openat2.h>
export const RESOLVE_NO_XDEV = 1
export const RESOLVE_NO_MAGICLINKS = 2
export const RESOLVE_NO_SYMLINKS = 4
export const RESOLVE_BENEATH = 8
export const RESOLVE_IN_ROOT = 0x10

// <linux/close_range.h>
export const CLOSE_RANGE_UNSHARE = 2
export const CLOSE_RANGE_CLOEXEC = 4

// <sys/file.h>
export const LOCK_SH = 1
export const LOCK_EX = 2
export const LOCK_NB = 4
export const LOCK_UN = 8

// <linux/memfd.h>
export const MFD_CLOEXEC = 1
export const MFD_ALLOW_SEALING = 2
export const MFD_EXEC = 0x10 // since 6.3

// <unistd.h>
export const X_OK = 1
export const W_OK = 2
export const R_OK = 4
export const SEEK_SET = 0
export const SEEK_CUR = 1
export const SEEK_END = 2
export const SEEK_DATA = 3
export const SEEK_HOLE = 4
export const STDIN_FILENO = 0
export const STDOUT_FILENO = 1
export const STDERR_FILENO = 2
