import type { Kernel } from '../../../native/kernel.ts'
import { decode } from '../../../native/utf8.ts'
import { Failure } from '../../errors.ts'
import { RootDirectory } from './directory.ts'

/** Who the program of an image runs as. */
export interface ImageUser {
  readonly uid: number
  readonly gid: number
}

/** The ids of `USER[:GROUP]`, each a name of the image's own files or a number. Throws a Failure for a name that is not there. */
export function userOf(outside: Kernel<'outside'>, rootfs: string, text: string): ImageUser {
  const [user = '', group = ''] = text.split(':')
  using root = new RootDirectory(outside, rootfs)
  const rows = (path: string) => {
    using fd = root.openFile(path)
    return fd === undefined
      ? []
      : decode(outside.readAll(fd))
          .split('\n')
          .map(line => line.split(':'))
  }
  const find = (path: string, name: string) =>
    rows(path).find(([known, , id]) => known === name || (/^\d+$/.test(name) && id === name))
  const idOf = (path: string, name: string) => {
    const id = Number(find(path, name)?.[2] ?? name)
    if (!Number.isInteger(id) || id < 0) throw new Failure(`the user \`${text}\` of the image is not in its ${path}`)
    return id
  }
  const uid = user === '' ? 0 : idOf('etc/passwd', user)
  if (group !== '') return { uid, gid: idOf('etc/group', group) }
  return { uid, gid: Number(find('etc/passwd', `${uid}`)?.[3] ?? 0) }
}
