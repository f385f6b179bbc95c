import { O_DIRECTORY, O_PATH } from '../../native/abi/fcntl.ts'
import { MS_DIRSYNC, MS_LAZYTIME, MS_MANDLOCK, MS_PRIVATE, MS_RDONLY, MS_SYNCHRONOUS } from '../../native/abi/mount.ts'
import type { Fd } from '../../native/fd.ts'
import { encode } from '../../native/utf8.ts'
import { ConfigError } from '../errors.ts'
import type { Parameter } from '../plan/mounts/mountOptions.ts'
import type { FilesystemStep, RemountStep } from '../plan/mounts/mounts.ts'
import type { ContainerRoot } from './containerRoot.ts'

// fsconfig(2) takes values of up to 255 bytes, mount(2) a page of options: the layers of an overlay need that.

const LONGEST_VALUE = 255
const PAGE = 4096

/** What mount(2) calls the flags of a superblock; the others are its defaults. */
const superblockFlags: Readonly<Record<string, number>> = {
  ro: MS_RDONLY,
  sync: MS_SYNCHRONOUS,
  dirsync: MS_DIRSYNC,
  mand: MS_MANDLOCK,
  lazytime: MS_LAZYTIME,
}

/** Is there a value that fsconfig(2) does not take? */
export function needsMountCall(source: string, parameters: readonly Parameter[]): boolean {
  return isLong(source) || parameters.some(({ value }) => value !== undefined && isLong(value))
}

function isLong(text: string): boolean {
  return text.length * 3 > LONGEST_VALUE && encode(text).length > LONGEST_VALUE
}

/**
 * A detached mount of the file system, made by mount(2). That takes a path to mount on, and so it gets one that nobody else
 * knows: in an empty tmpfs of its own, which covers the container's root meanwhile, where no path leads through.
 */
export function mountByPage(
  { inside, fd: root }: ContainerRoot,
  { type, source, flags, pointer, attributes }: FilesystemStep,
  parameters: readonly Parameter[],
): Fd<'inside'> {
  const fs = inside.fsopen('tmpfs').take()
  inside.fsconfigCreate(fs)
  const shelter = inside.fsmount(fs, 0).take()
  inside.mountSetattr(shelter, false, { propagation: MS_PRIVATE })
  inside.moveMount(shelter, root)
  inside.mkdirat(shelter, 'm', 0o700)
  inside.fchdir(shelter)
  inside.mountNew(source, 'm', type, flagsOf(flags), pageOf(parameters, pointer))
  const attached = inside.openat(shelter, 'm', O_PATH | O_DIRECTORY).take()
  const mount = inside.openTree(attached, '', false).take()
  inside.detach('.')
  inside.fchdir(root)
  inside.mountSetattr(mount, false, { set: attributes.set })
  return mount
}

/** The same for the file system of the mount whose root `target` is. */
export function remountByPage(
  { inside, fd: root }: ContainerRoot,
  { flags, parameters, pointer }: RemountStep,
  target: Fd<'inside'>,
): void {
  inside.fchdir(target)
  inside.remount('.', flagsOf(flags), pageOf(parameters, pointer))
  inside.fchdir(root)
}

function flagsOf(words: readonly string[]): number {
  return words.reduce((flags, word) => flags | (superblockFlags[word] ?? 0), 0)
}

/** The options as mount(2) splits them: at commas that are neither quoted nor escaped. */
function pageOf(parameters: readonly Parameter[], pointer: string): string {
  const quoted = (value: string) => (/(^|[^\\]),/.test(value) ? `"${value}"` : value)
  const text = parameters.map(({ key, value }) => (value === undefined ? key : `${key}=${quoted(value)}`)).join(',')
  const { length } = encode(text)
  if (length < PAGE) return text
  throw new ConfigError(`take ${length} bytes together, and the kernel takes ${PAGE - 1}`, `${pointer}/options`)
}
