import { STAT, STATX } from '../abi/layout/file.ts'
import { STATX_BASIC_STATS } from '../abi/stat.ts'
import type { Fd } from '../fd.ts'
import type { Call, Calls } from '../kernels/machine.ts'
import type { Result } from '../kernels/result.ts'
import { get64, Out } from '../struct.ts'

/** The kernel's new_encode_dev(): 12 bits of major between 8 and 12 bits of minor; see makedev(3). */
export function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & 0xfff00) << 12)) >>> 0
}

/** A directory to start from: a descriptor, or AT_FDCWD. */
export type Dir = Fd | number

/** The parts of struct stat that the runtime looks at. */
export interface Stat {
  /** File type and permissions, as st_mode. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly inode: bigint
  readonly links: number
  /** The device number of a device node. */
  readonly rdevMajor: number
  readonly rdevMinor: number
  /** The device that holds the file. */
  readonly devMajor: number
  readonly devMinor: number
  readonly size: number
  /** When the content was changed, in seconds since 1970. */
  readonly modified: number
  /**
   * The mount through which it was looked at; no other has this number as long as that one is there. Since Linux 5.8, and not
   * where statx(2) is denied.
   */
  readonly mountId: number | undefined
}

/** Reads what it is asked for: most who look at a file want one or two of these, and each takes an interpreter time. */
class Statx implements Stat {
  private readonly view: DataView
  constructor(out: Out) {
    this.view = out.view
  }
  get links(): number {
    return this.view.getUint32(STATX.stx_nlink, true)
  }
  get uid(): number {
    return this.view.getUint32(STATX.stx_uid, true)
  }
  get gid(): number {
    return this.view.getUint32(STATX.stx_gid, true)
  }
  get mode(): number {
    return this.view.getUint16(STATX.stx_mode, true)
  }
  get inode(): bigint {
    return this.view.getBigUint64(STATX.stx_ino, true)
  }
  get size(): number {
    return get64(this.view, STATX.stx_size)
  }
  get modified(): number {
    return get64(this.view, STATX.stx_mtime)
  }
  get rdevMajor(): number {
    return this.view.getUint32(STATX.stx_rdev_major, true)
  }
  get rdevMinor(): number {
    return this.view.getUint32(STATX.stx_rdev_minor, true)
  }
  get devMajor(): number {
    return this.view.getUint32(STATX.stx_dev_major, true)
  }
  get devMinor(): number {
    return this.view.getUint32(STATX.stx_dev_minor, true)
  }
  get mountId(): number {
    return get64(this.view, STATX.stx_mnt_id)
  }
}

/** The same from `struct stat`, in which the numbers of devices are packed. */
function olderStat({ view: v }: Out): Stat {
  const major = (at: number) => (v.getUint32(at, true) >>> 8) & 0xfff
  const minor = (at: number) => (v.getUint32(at, true) & 0xff) | ((v.getUint32(at, true) >>> 12) & 0xfff00)
  return {
    links: v.getUint32(STAT.st_nlink, true),
    uid: v.getUint32(STAT.st_uid, true),
    gid: v.getUint32(STAT.st_gid, true),
    mode: v.getUint32(STAT.st_mode, true),
    inode: v.getBigUint64(STAT.st_ino, true),
    size: get64(v, STAT.st_size),
    modified: get64(v, STAT.st_mtime),
    rdevMajor: major(STAT.st_rdev),
    rdevMinor: minor(STAT.st_rdev),
    devMajor: major(STAT.st_dev),
    devMinor: minor(STAT.st_dev),
    mountId: undefined,
  }
}

/** A statx(2) that may not be made yet, or what is made where that is denied. */
export class PendingStat {
  readonly #out = new Out(STATX.size)
  readonly #result: Result
  /** statx(2) was denied: what was made is newfstatat(2). */
  #isOlder = false
  #stat: Stat | undefined

  constructor(calls: Calls, dir: Dir, path: string, flags: number, subject: string, tolerate: Call['tolerate']) {
    const older = (call: Call): Call => {
      this.#isOlder = true
      const [dir, path, flags, , out] = call.args
      return { name: 'newfstatat', args: [dir!, path!, out!, flags!], subject: call.subject, tolerate: call.tolerate }
    }
    const args = [dir, path, flags, STATX_BASIC_STATS, this.#out]
    this.#result = calls.later({ name: 'statx', args, subject, tolerate, older })
  }

  /** The file type and permissions. Undefined when the file is not there. */
  get mode(): number | undefined {
    return this.stat?.mode
  }

  /** Undefined when the file is not there. */
  get stat(): Stat | undefined {
    if (this.#result.value < 0) return undefined
    this.#stat ??= this.#isOlder ? olderStat(this.#out) : new Statx(this.#out)
    return this.#stat
  }
}
