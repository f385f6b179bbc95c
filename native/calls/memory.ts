import { MFD_CLOEXEC, O_CLOEXEC, O_CREAT, O_EXCL, O_RDONLY, O_RDWR } from '../abi/fcntl.ts'
import { MOUNT_ATTR_RDONLY } from '../abi/mount.ts'
import type { Fd } from '../fd.ts'
import { type Call, type Calls, settled } from '../kernels/machine.ts'
import type { fileCalls } from './file.ts'
import type { mountCalls } from './mount.ts'

const NEW = O_RDWR | O_CREAT | O_EXCL
const MODE = 0o700

type MemoryBase = Calls & typeof fileCalls & typeof mountCalls

/**
 * Files in memory that nobody can find. Where memfd_create(2) is denied they are in a tmpfs of their own, which is attached
 * nowhere; that takes CAP_SYS_ADMIN.
 */
export const memoryCalls = {
  /** A file to read and write, see memfd_create(2). */
  memoryFile(this: MemoryBase, name: string): Fd {
    const older = () => {
      const own = ownFile(this, name)
      own?.mount.close()
      return own && settled(own.file.take().number)
    }
    return this.memfdCreate(name, MFD_CLOEXEC, undefined, older)
  },

  /** The same in a chain of an executor: no result is looked at, and the mount stays open as long as its program does not run. */
  memoryFileLater(this: MemoryBase, name: string): Fd {
    const older = (): Call => {
      const fs = this.fsopen('tmpfs').take()
      this.fsconfigCreate(fs)
      return { name: 'openat', args: [this.fsmount(fs, 0).take(), name, NEW | O_CLOEXEC, MODE] }
    }
    return this.memfdCreate(name, MFD_CLOEXEC, undefined, older)
  },

  /**
   * Like a memfd with these bytes that is sealed: its mount is read-only for who finds it by /proc/PID/exe, too. Nobody can
   * change that, since no descriptor leads to the root of the mount any more. Undefined without the rights for that.
   */
  readonlyFile(this: MemoryBase, name: string, bytes: Uint8Array): Call | undefined {
    const own = ownFile(this, name)
    if (own === undefined) return undefined
    using mount = own.mount
    this.writeAll(own.file, bytes)
    own.file.close() // it would keep the mount writable
    this.mountSetattr(mount, false, { set: MOUNT_ATTR_RDONLY })
    return settled(this.openat(mount, name, O_RDONLY).take().number)
  },
}

/** A new file with the mount that has it. */
function ownFile(calls: MemoryBase, name: string): { mount: Fd; file: Fd } | undefined {
  using fs = calls.fsopen('tmpfs', 'any')
  if (!fs.exists) return undefined
  calls.fsconfigCreate(fs)
  const mount = calls.fsmount(fs, 0)
  return { mount, file: calls.openat(mount, name, NEW, MODE) }
}
