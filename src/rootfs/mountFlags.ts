import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_DIRSYNC,
  MS_LAZYTIME,
  MS_MANDLOCK,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
  MS_STRICTATIME,
  MS_SYNCHRONOUS,
} from '../../native/abi/mount.ts'
import {
  ST_NOATIME,
  ST_NODEV,
  ST_NODIRATIME,
  ST_NOEXEC,
  ST_NOSUID,
  ST_NOSYMFOLLOW,
  ST_RDONLY,
  ST_RELATIME,
} from '../../native/abi/wait.ts'
import type { Fd, Side } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import type { Parameter } from '../plan/mounts/mountOptions.ts'

/** What mount(2) calls the flags of a superblock; 0 is what it does without one. */
const superblockFlags: ReadonlyMap<string, number> = new Map([
  ['ro', MS_RDONLY],
  ['rw', 0],
  ['sync', MS_SYNCHRONOUS],
  ['async', 0],
  ['dirsync', MS_DIRSYNC],
  ['mand', MS_MANDLOCK],
  ['nomand', 0],
  ['lazytime', MS_LAZYTIME],
  ['nolazytime', 0],
])

export function isSuperblockFlag(word: string): boolean {
  return superblockFlags.has(word)
}

export function flagsOfSuperblock(words: readonly string[]): number {
  return words.reduce((flags, word) => flags | (superblockFlags.get(word) ?? 0), 0)
}

/** Of a superblock that is remounted with these words: mount(2) would take away what the mount `fd` has of its own. */
export function flagsOfRemount<S extends Side>(kernel: Kernel<S>, fd: Fd<S>, words: readonly string[]): number {
  const kept = flagsOfAttributes(mountAttributes(kernel, fd))
  return (words.includes('rw') ? kept & ~MS_RDONLY : kept) | flagsOfSuperblock(words)
}

/** The options as mount(2) splits them: at commas that are neither quoted nor escaped. */
export function optionsText(parameters: readonly Parameter[]): string {
  const quoted = (value: string) => (/(^|[^\\]),/.test(value) ? `"${value}"` : value)
  return parameters.map(({ key, value }) => (value === undefined ? key : `${key}=${quoted(value)}`)).join(',')
}

/** An attribute of a mount as mount_setattr(2), mount(2) and statfs(2) have it. */
const attributeBits: readonly { readonly attribute: number; readonly flag: number; readonly status: number }[] = [
  { attribute: MOUNT_ATTR_RDONLY, flag: MS_RDONLY, status: ST_RDONLY },
  { attribute: MOUNT_ATTR_NOSUID, flag: MS_NOSUID, status: ST_NOSUID },
  { attribute: MOUNT_ATTR_NODEV, flag: MS_NODEV, status: ST_NODEV },
  { attribute: MOUNT_ATTR_NOEXEC, flag: MS_NOEXEC, status: ST_NOEXEC },
  { attribute: MOUNT_ATTR_NODIRATIME, flag: MS_NODIRATIME, status: ST_NODIRATIME },
  { attribute: MOUNT_ATTR_NOSYMFOLLOW, flag: MS_NOSYMFOLLOW, status: ST_NOSYMFOLLOW },
]

/** One of them always holds. */
const accessTimes: Readonly<Record<number, number>> = {
  [MOUNT_ATTR_RELATIME]: MS_RELATIME,
  [MOUNT_ATTR_NOATIME]: MS_NOATIME,
  [MOUNT_ATTR_STRICTATIME]: MS_STRICTATIME,
}

/** The attributes of the mount that a descriptor is in, as a mask of MOUNT_ATTR_. */
export function mountAttributes<S extends Side>(kernel: Kernel<S>, fd: Fd<S>): number {
  return attributesOfStatus(kernel.mountStatus(fd))
}

/** From f_flags of statfs(2). */
export function attributesOfStatus(status: number): number {
  const bits = attributeBits.filter(({ status: bit }) => (status & bit) !== 0)
  const time = status & ST_RELATIME ? MOUNT_ATTR_RELATIME : status & ST_NOATIME ? MOUNT_ATTR_NOATIME : undefined
  return bits.reduce((all, { attribute }) => all | attribute, time ?? MOUNT_ATTR_STRICTATIME)
}

/** What mount_setattr(2) makes of them: the access time is one field, and changes only as a whole. */
export function changed(attributes: number, set: number, clear: number): number {
  return (attributes & ~clear) | ((clear & MOUNT_ATTR__ATIME) === 0 ? set & ~MOUNT_ATTR__ATIME : set)
}

/** The same for mount(2), which changes all of them at once. */
export function flagsOfAttributes(attributes: number): number {
  const bits = attributeBits.filter(({ attribute }) => (attributes & attribute) !== 0)
  return bits.reduce((all, { flag }) => all | flag, accessTimes[attributes & MOUNT_ATTR__ATIME]!)
}
