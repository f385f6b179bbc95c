import { EINVAL, ENOENT } from '../../native/abi/errno.ts'
import { S_IFDIR, S_IFREG } from '../../native/abi/stat.ts'
import { Errno } from './errno.ts'
import { FileNode } from './nodes.ts'

/** The one AppArmor profile that is loaded. */
export const LOADED_PROFILE = 'container'

function attribute(check: (text: string) => void): FileNode {
  return new FileNode(S_IFREG, 0o666, { read: () => 'unconfined\n', write: check })
}

/** The directory `attr` of a process with both AppArmor and SELinux, which no kernel has: enough to write to. */
export function attributes(): FileNode {
  const profile = () =>
    attribute(text => {
      if (text.split(' ')[1] !== LOADED_PROFILE) throw new Errno(ENOENT)
    })
  const context = () =>
    attribute(text => {
      if (text !== '\n' && text.split(':').length < 4) throw new Errno(EINVAL)
    })
  const apparmor = new FileNode(S_IFDIR)
  for (const name of ['current', 'exec']) apparmor.add(name, profile())
  const directory = new FileNode(S_IFDIR)
  for (const name of ['exec', 'keycreate']) directory.add(name, context())
  directory.add('current', new FileNode(S_IFREG, 0o666, { read: () => 'u:r:runtime:s0\n', write: () => {} }))
  directory.add('apparmor', apparmor)
  return directory
}
