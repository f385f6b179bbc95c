import { MOUNT_ATTR__ATIME } from '../../../native/abi/mount.ts'
import {
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
} from '../../../native/abi/seccomp.ts'
import {
  type Attributes,
  accessTimeWord,
  attributeWords,
  type Parameter,
  type Propagation,
  propagationWord,
} from '../mounts/mountOptions.ts'

/** The attributes of a mount in words; with `r` in front those of the tree below it. */
export function attributesText({ set, clear }: Attributes, recursive = ''): string[] {
  const words = attributeWords.flatMap(word => [
    ...((set & word.bit) !== 0 ? [word.set] : []),
    ...((clear & word.bit) !== 0 && (set & word.bit) === 0 ? [word.clear] : []),
  ])
  const atime = set & MOUNT_ATTR__ATIME
  const timed = (clear & MOUNT_ATTR__ATIME) !== 0 || atime !== 0 ? [accessTimeWord(atime)] : []
  return [...words, ...timed].map(word => `${recursive}${word}`)
}

export function propagationText({ flag, recursive }: Propagation): string {
  return `${recursive ? 'r' : ''}${propagationWord(flag)}`
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
