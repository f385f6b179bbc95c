import { EAGAIN, EEXIST, EISDIR, ELOOP, ENOENT, ENOTDIR, ENXIO } from '../../native/abi/errno.ts'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  LOCK_EX,
  LOCK_NB,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
} from '../../native/abi/fcntl.ts'
import { CLOCK_MONOTONIC } from '../../native/abi/time.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { SLOW_MS, tellSlow } from '../../native/patience.ts'
import { decode } from '../../native/utf8.ts'
import { HostError, isErrno, StateError } from '../errors.ts'
import { isOpenToOthers, readOwn } from '../host/callersFiles.ts'
import { openDirectory } from '../host/parentDirectory.ts'
import { damaged, foreign, type RecordReading, readRecord } from './readRecord.ts'
import { CONFIG_FILE, type ContainerRecord, FILES, RECORD_VERSION, STATE_FILE, type Status } from './record.ts'
import { computeStatus } from './status.ts'

/** A container that exists, with its directory open. */
export class StoredContainer {
  readonly id: string
  readonly directory: Fd<'outside'>
  readonly path: string
  /** What its state.json says. */
  readonly reading: RecordReading
  readonly #outside: Kernel<'outside'>

  constructor(outside: Kernel<'outside'>, id: string, path: string, directory: Fd<'outside'>) {
    this.#outside = outside
    this.id = id
    this.path = path
    this.directory = directory
    this.reading = readState(outside, directory, id)
  }

  /** Undefined when there is none yet or no more, and when it can not be trusted; then `reading` says why. */
  get record(): ContainerRecord | undefined {
    return this.reading.kind === 'record' ? this.reading.record : undefined
  }

  /** A container whose record is not written yet is still being created; delete removes the record first. Errors: StateError. */
  get status(): Status {
    return this.reading.kind === 'none' ? 'creating' : computeStatus(this.#outside, this.path, this.established)
  }

  /** The record, which everything but `delete --force` needs. Errors: StateError that says why there is none. */
  get established(): ContainerRecord {
    const { id, reading } = this
    switch (reading.kind) {
      case 'record':
        return reading.record
      case 'none':
        throw new StateError(
          `container \`${id}\` is still being created or just being deleted; delete --force removes it`,
        )
      case 'newer':
        throw new StateError(
          `the state of container \`${id}\` was written by a newer tsrun: ${reading.why}; use that one, or delete --force, which removes it`,
        )
      case 'damaged':
        throw new StateError(`the state of container \`${id}\` is damaged: ${reading.why}; delete --force removes it`)
      default:
        return reading satisfies never
    }
  }

  /** The text of config.json as it was when the container was created. */
  get configText(): string {
    const bytes = readOwn(this.#outside, this.directory, CONFIG_FILE)
    if (bytes !== undefined) return decode(bytes)
    throw new StateError(
      `the ${CONFIG_FILE} of container \`${this.id}\` is gone; unless it is just being deleted, delete --force removes it`,
    )
  }

  [Symbol.dispose](): void {
    this.directory.close()
  }
}

/** The longest state.json that is read: annotations, limits and mounts are all in it. */
const STATE_SIZE = 1 << 24

/**
 * A name in the container's directory may lead anywhere, when somebody has damaged it; then nothing is read or waited for.
 * Who can write to that directory decides which processes are ended and which hooks run, so it has to be root's or ours.
 */
function readState(outside: Kernel<'outside'>, directory: Fd<'outside'>, id: string): RecordReading {
  if (isOpenToOthers(outside, directory))
    return foreign('its directory is not ours alone, so nothing in there is believed; its owner can use it')
  using fd = outside.openat(directory, STATE_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, [ENOENT, ELOOP, ENXIO])
  if (!fd.exists) return fd.number === -ENOENT ? { kind: 'none' } : damaged('it is no regular file')
  try {
    const bytes = outside.readAtMost(fd, STATE_SIZE)
    return bytes === undefined ? damaged('it has more than 16 MiB') : readRecord(decode(bytes), id)
  } catch (error) {
    if (isErrno(error, 'EISDIR') || isErrno(error, 'EAGAIN')) return damaged('it is no regular file')
    throw error
  }
}

/** The directory of all containers: opened, made when it is not there. Errors: HostError where we may not make it. */
export function openRoot(outside: Kernel<'outside'>, root: string): Fd<'outside'> {
  try {
    const found = openDirectory(outside, root, O_RDONLY, [ENOENT])
    if (found.exists) return found
    makeDirectories(outside, root, 0o700)
    return openDirectory(outside, root, O_RDONLY)
  } catch (error) {
    if (!isErrno(error, 'EACCES') || outside.effectiveIds().uid === 0) throw error
    const advice = 'set XDG_RUNTIME_DIR to a directory of yours, as a login session does, or give --root'
    throw new HostError(`containers can not be kept in \`${root}\`: permission denied; ${advice}`)
  }
}

/** mkdir -p for a path of the host, behind nobody else's links. */
export function makeDirectories(outside: Kernel<'outside'>, path: string, mode: number): void {
  if (outside.statx(AT_FDCWD, path).stat !== undefined) return
  const parent = path.slice(0, path.lastIndexOf('/'))
  if (parent !== '') makeDirectories(outside, parent, mode)
  using directory = openDirectory(outside, parent || (path.startsWith('/') ? '/' : '.'), O_PATH)
  outside.mkdirat(directory, path.slice(path.lastIndexOf('/') + 1), mode, [EEXIST])
}

/**
 * Opens a container; undefined when there is none. With `lock` it waits until no other command works on it and keeps
 * others waiting until the container is closed: flock(2) on its directory.
 */
export function openContainerIfAny(
  outside: Kernel<'outside'>,
  root: string,
  id: string,
  lock: boolean,
): StoredContainer | undefined {
  const path = `${root}/${id}`
  using fds = new Fds()
  const directory = fds.keep(openDirectory(outside, path, O_RDONLY | O_NOFOLLOW, [ENOENT, ENOTDIR]))
  if (!directory.exists) return undefined
  if (lock) {
    lockPatiently(outside, directory)
    // It may have been deleted while we waited for the lock.
    if (outside.statx(directory, '').stat?.links === 0) return undefined
  }
  const container = new StoredContainer(outside, id, path, directory)
  fds.take()
  return container
}

/** Pauses between looks at a lock that somebody has, for as long as that is nothing to tell of. */
const LOCK_PAUSE_MS = 2

/** flock(2), which can not be told how long to wait. */
function lockPatiently(outside: Kernel<'outside'>, directory: Fd<'outside'>): void {
  const isFree = () => outside.flock(directory, LOCK_EX | LOCK_NB, [EAGAIN])
  if (isFree()) return
  const end = outside.clock(CLOCK_MONOTONIC) + SLOW_MS * 1e6
  while (outside.clock(CLOCK_MONOTONIC) < end) {
    outside.sleep(LOCK_PAUSE_MS)
    if (isFree()) return
  }
  tellSlow('waiting for another command that works on the container')
  outside.flock(directory, LOCK_EX)
}

/** Opens a container that has to exist. */
export function openContainer(outside: Kernel<'outside'>, root: string, id: string, lock: boolean): StoredContainer {
  const container = openContainerIfAny(outside, root, id, lock)
  if (container === undefined) throw new StateError(`container \`${id}\` does not exist`)
  return container
}

/** Ids of all containers, in alphabetical order. */
export function listIds(outside: Kernel<'outside'>, root: string): string[] {
  using directory = openDirectory(outside, root, O_RDONLY, [ENOENT])
  return directory.exists ? outside.readDirectory(directory).sort() : []
}

/** Removes a container's directory with all that the runtime puts there. A link to another directory is not followed. */
export function removeDirectory(outside: Kernel<'outside'>, root: string, id: string): void {
  using parent = openDirectory(outside, root, O_PATH, [ENOENT])
  if (!parent.exists) return
  using directory = outside.openat(parent, id, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, [ENOENT])
  if (!directory.exists) return
  for (const file of FILES) removeFile(outside, directory, file)
  outside.rmdir(parent, id)
}

/** In a damaged container a directory may have the name. */
function removeFile(outside: Kernel<'outside'>, directory: Fd<'outside'>, name: string): void {
  const removed = outside.now({
    name: 'unlinkat',
    args: [directory, name, 0],
    subject: `\`${name}\``,
    tolerate: [ENOENT, EISDIR],
  })
  if (removed === -EISDIR)
    outside.now({ name: 'unlinkat', args: [directory, name, AT_REMOVEDIR], subject: `\`${name}\`` })
}

/** `state.json`, replaced in one step. */
export function writeRecord(outside: Kernel<'outside'>, directory: Fd<'outside'>, record: ContainerRecord): void {
  outside.replaceFile(directory, STATE_FILE, JSON.stringify({ version: RECORD_VERSION, ...record }), 0o600)
}
