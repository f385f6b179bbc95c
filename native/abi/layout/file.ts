import { architecture } from '../../arch/architecture.ts'

// Sizes of structs about files, and where their fields lie.

/** `struct statx` of <linux/stat.h>. */
export const STATX = {
  size: 256,
  stx_attributes: 8,
  stx_nlink: 16,
  stx_uid: 20,
  stx_gid: 24,
  stx_mode: 28,
  stx_ino: 32,
  stx_size: 40,
  stx_mtime: 112,
  stx_rdev_major: 128,
  stx_rdev_minor: 132,
  stx_dev_major: 136,
  stx_dev_minor: 140,
  stx_mnt_id: 144, // since 5.8
} as const

/** `struct stat` of <asm/stat.h>, which differs. Its numbers of devices are packed; that of links has 32 bits at least. */
export const statOf = {
  x86_64: {
    size: 144,
    st_dev: 0,
    st_ino: 8,
    st_nlink: 16,
    st_mode: 24,
    st_uid: 28,
    st_gid: 32,
    st_rdev: 40,
    st_size: 48,
    st_mtime: 88,
  },
  aarch64: {
    size: 128,
    st_dev: 0,
    st_ino: 8,
    st_mode: 16,
    st_nlink: 20,
    st_uid: 24,
    st_gid: 28,
    st_rdev: 32,
    st_size: 48,
    st_mtime: 88,
  },
} as const

export const STAT = statOf[architecture ?? 'x86_64']

/** `struct linux_dirent64`: what it is until its name; see getdents64(2). */
export const DIRENT64 = { d_reclen: 16, d_type: 18, d_name: 19 } as const

/** `struct statfs` of <asm/statfs.h>. */
export const STATFS = { size: 120, f_type: 0, f_flags: 80 } as const

/** `struct open_how` of <linux/openat2.h>. */
export const OPEN_HOW = { size: 24, flags: 0, mode: 8, resolve: 16 } as const

/** `struct mount_attr` of <linux/mount.h>. */
export const MOUNT_ATTR = { size: 32, attr_set: 0, attr_clr: 8, propagation: 16, userns_fd: 24 } as const
