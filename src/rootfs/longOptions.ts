import { O_DIRECTORY, O_PATH } from '../../native/abi/fcntl.ts'
import { MS_PRIVATE } from '../../native/abi/mount.ts'
import type { Fd } from '../../native/fd.ts'
import { encode } from '../../native/utf8.ts'
import { ConfigError } from '../errors.ts'
import type { Parameter } from '../plan/mounts/mountOptions.ts'
import type { FilesystemStep, RemountStep } from '../plan/mounts/mounts.ts'
import type { ContainerRoot } from './containerRoot.ts'
import { flagsOfRemount, flagsOfSuperblock, optionsText } from './mountFlags.ts'

// fsconfig(2) takes values of up to 255 bytes, mount(2) a page of options: the layers of an overlay need that.

const LONGEST_VALUE = 255
const PAGE = 4096

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
  inside.mountNew(source, 'm', type, flagsOfSuperblock(flags), pageOf(parameters, pointer))
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
  const all = flagsOfRemount(inside, target, flags)
  inside.fchdir(target)
  inside.remount('.', all, pageOf(parameters, pointer))
  inside.fchdir(root)
}

/** The options of one mount(2), which takes a page of them. */
function pageOf(parameters: readonly Parameter[], pointer: string): string {
  const text = optionsText(parameters)
  const { length } = encode(text)
  if (length < PAGE) return text
  throw new ConfigError(`take ${length} bytes together, and the kernel takes ${PAGE - 1}`, `${pointer}/options`)
}
