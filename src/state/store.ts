import { EAGAIN, EEXIST, ENOENT, ENOTDIR } from '../../native/abi/errno.ts'
import { AT_FDCWD, LOCK_EX, LOCK_NB, O_DIRECTORY, O_RDONLY } from '../../native/abi/fcntl.ts'
import { CLOCK_MONOTONIC } from '../../native/abi/time.ts'
import { type Fd, Fds } from '../../native/fd.ts'
import type { Kernel } from '../../native/kernel.ts'
import { SLOW_MS, tellSlow } from '../../native/patience.ts'
import { decode } from '../../native/utf8.ts'
import { StateError } from '../errors.ts'
import { CONFIG_FILE, type ContainerRecord, FILES, STATE_FILE, type Status } from './record.ts'
import { computeStatus } from './status.ts'

/** A container that exists, with its directory open. */
export class StoredContainer {
  readonly id: string
  readonly directory: Fd
  readonly path: string
  readonly record: ContainerRecord | undefined
  readonly #outside: Kernel

  constructor(outside: Kernel, id: string, path: string, directory: Fd) {
    this.#outside = outside
    this.id = id
    this.path = path
    this.directory = directory
    const text = outside.readTextIfAny(directory, STATE_FILE)
    this.record = text === undefined ? undefined : parseRecord(text)
  }

  /** A container whose record is not written yet is still being created; delete removes the record first. */
  get status(): Status {
    return this.record === undefined ? 'creating' : computeStatus(this.#outside, this.path, this.record)
  }

  /** The record, which everything but `delete --force` needs. */
  get established(): ContainerRecord {
    if (this.record === undefined)
      throw new StateError(
        `container \`${this.id}\` is still being created or just being deleted, or its state is damaged; delete --force removes it`,
      )
    return this.record
  }

  /** The text of config.json as it was when the container was created. */
  get configText(): string {
    return decode(this.#outside.readFile(this.directory, CONFIG_FILE))
  }

  [Symbol.dispose](): void {
    this.directory.close()
  }
}

/** Undefined for a file that somebody has damaged: then `delete --force` is what is left to do. */
function parseRecord(text: string): ContainerRecord | undefined {
  try {
    return JSON.parse(text) as ContainerRecord
  } catch {
    return undefined
  }
}

/** The directory of all containers: opened, made when it is not there. */
export function openRoot(outside: Kernel, root: string): Fd {
  makeDirectories(outside, root, 0o700)
  return outside.openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY)
}

/** mkdir -p for a path of the host. */
export function makeDirectories(outside: Kernel, path: string, mode: number): void {
  if (outside.statx(AT_FDCWD, path).stat !== undefined) return
  const parent = path.slice(0, path.lastIndexOf('/'))
  if (parent !== '') makeDirectories(outside, parent, mode)
  outside.mkdirat(AT_FDCWD, path, mode, [EEXIST])
}

/**
 * Opens a container; undefined when there is none. With `lock` it waits until no other command works on it and keeps
 * others waiting until the container is closed: flock(2) on its directory.
 */
export function openContainerIfAny(
  outside: Kernel,
  root: string,
  id: string,
  lock: boolean,
): StoredContainer | undefined {
  const path = `${root}/${id}`
  using fds = new Fds()
  const directory = fds.keep(outside.openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, [ENOENT, ENOTDIR]))
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
function lockPatiently(outside: Kernel, directory: Fd): void {
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
export function openContainer(outside: Kernel, root: string, id: string, lock: boolean): StoredContainer {
  const container = openContainerIfAny(outside, root, id, lock)
  if (container === undefined) throw new StateError(`container \`${id}\` does not exist`)
  return container
}

/** Ids of all containers, in alphabetical order. */
export function listIds(outside: Kernel, root: string): string[] {
  using directory = outside.openat(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0, [ENOENT])
  return directory.exists ? outside.readDirectory(directory).sort() : []
}

/** Removes a container's directory with all that the runtime puts there. */
export function removeDirectory(outside: Kernel, root: string, id: string): void {
  const path = `${root}/${id}`
  for (const file of FILES) outside.unlink(AT_FDCWD, `${path}/${file}`)
  outside.rmdir(AT_FDCWD, path)
}

/** `state.json`, replaced in one step. */
export function writeRecord(outside: Kernel, directory: Fd, record: ContainerRecord): void {
  outside.replaceFile(directory, STATE_FILE, JSON.stringify(record), 0o600)
}
