import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from '../../../native/abi/mount.ts'
import {
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
} from '../../../native/abi/seccomp.ts'
import type { Attributes, Parameter, Propagation } from '../mounts/mountOptions.ts'

/** Bits of mount_setattr(2) and their words in mount(8), to set and to clear. */
const attributeWords: readonly (readonly [bit: number, set: string, clear: string])[] = [
  [MOUNT_ATTR_RDONLY, 'ro', 'rw'],
  [MOUNT_ATTR_NOSUID, 'nosuid', 'suid'],
  [MOUNT_ATTR_NODEV, 'nodev', 'dev'],
  [MOUNT_ATTR_NOEXEC, 'noexec', 'exec'],
  [MOUNT_ATTR_NODIRATIME, 'nodiratime', 'diratime'],
  [MOUNT_ATTR_NOSYMFOLLOW, 'nosymfollow', 'symfollow'],
]

const accessTimes: Readonly<Record<number, string>> = {
  0: 'relatime',
  [MOUNT_ATTR_NOATIME]: 'noatime',
  [MOUNT_ATTR_STRICTATIME]: 'strictatime',
}

const propagations: Readonly<Record<number, string>> = {
  [MS_PRIVATE]: 'private',
  [MS_SHARED]: 'shared',
  [MS_SLAVE]: 'slave',
  [MS_UNBINDABLE]: 'unbindable',
}

/** The attributes of a mount in words; with `r` in front those of the tree below it. */
export function attributesText({ set, clear }: Attributes, recursive = ''): string[] {
  const words = attributeWords.flatMap(([bit, on, off]) => [
    ...((set & bit) !== 0 ? [on] : []),
    ...((clear & bit) !== 0 && (set & bit) === 0 ? [off] : []),
  ])
  const atime = set & MOUNT_ATTR__ATIME
  const timed = (clear & MOUNT_ATTR__ATIME) !== 0 || atime !== 0 ? [accessTimes[atime] ?? 'relatime'] : []
  return [...words, ...timed].map(word => `${recursive}${word}`)
}

export function propagationText({ flag, recursive }: Propagation): string {
  return `${recursive ? 'r' : ''}${propagations[flag]}`
}

export function parameterText({ key, value }: Parameter): string {
  return value === undefined ? key : `${key}=${value}`
}

const seccompFlagWords: readonly (readonly [bit: number, word: string])[] = [
  [SECCOMP_FILTER_FLAG_TSYNC, 'TSYNC'],
  [SECCOMP_FILTER_FLAG_LOG, 'LOG'],
  [SECCOMP_FILTER_FLAG_SPEC_ALLOW, 'SPEC_ALLOW'],
  [SECCOMP_FILTER_FLAG_NEW_LISTENER, 'NEW_LISTENER'],
  [SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, 'WAIT_KILLABLE_RECV'],
]

export function seccompFlagsText(flags: number): string[] {
  return seccompFlagWords.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => word)
}

/** The numbers of the bits that are set, `0-3,7`, as the kernel writes lists of processors and nodes. */
export function maskText(mask: Uint8Array): string {
  const numbers = [...mask].flatMap((byte, i) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter(bit => (byte >> bit) & 1).map(bit => 8 * i + bit),
  )
  const ranges: string[] = []
  for (let i = 0; i < numbers.length; ) {
    let end = i
    while (numbers[end + 1] === numbers[end]! + 1) end++
    ranges.push(end === i ? `${numbers[i]}` : `${numbers[i]}-${numbers[end]}`)
    i = end + 1
  }
  return ranges.join(',')
}
