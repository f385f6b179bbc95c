// <linux/stat.h>: the type of a file in st_mode and stx_mode, octal as in inode(7).
export const S_IFMT = 0o170000
export const S_IFSOCK = 0o140000
export const S_IFLNK = 0o120000
export const S_IFREG = 0o100000
export const S_IFBLK = 0o060000
export const S_IFDIR = 0o040000
export const S_IFCHR = 0o020000
export const S_IFIFO = 0o010000
export const S_ISUID = 0o4000
export const S_ISGID = 0o2000
export const S_ISVTX = 0o1000

// statx(2)
export const STATX_TYPE = 0x1
export const STATX_MODE = 0x2
export const STATX_NLINK = 0x4
export const STATX_UID = 0x8
export const STATX_GID = 0x10
export const STATX_INO = 0x100
export const STATX_SIZE = 0x200
export const STATX_BASIC_STATS = 0x7ff
export const STATX_MNT_ID = 0x1000 // since 5.8
export const STATX_MNT_ID_UNIQUE = 0x4000 // since 6.8
export const STATX_ATTR_MOUNT_ROOT = 0x2000 // since 5.8
