import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { must } from '../../lib/run.ts'
import { makeRootfs } from '../../lib/rootfs.ts'

/** Makes DIRECTORY/image, a root file system of busybox, and DIRECTORY/image.tar of it. */
export function makeImage(directory: string): void {
  const root = join(directory, 'image')
  mkdirSync(root, { mode: 0o755 })
  makeRootfs(root)
  must(['tar', '-C', root, '-cf', `${root}.tar`, '.'])
}
