import { mkdirSync } from 'node:fs'
import { ENOENT, ENOTDIR } from '../../../native/abi/errno.ts'
import { AT_FDCWD, O_RDONLY } from '../../../native/abi/fcntl.ts'
import { S_IFDIR, S_IFMT } from '../../../native/abi/stat.ts'
import { HostError } from '../../errors.ts'
import type { Runtime } from '../../runtime.ts'
import { entriesOf } from './archive.ts'
import { ROOTFS, type UnpackedImage } from './config.ts'
import { LayerTarget } from './layer.ts'
import { ImageLayout } from './layout.ts'
import { removeAll } from './removal.ts'
import { userOf } from './user.ts'

/** Where the image itself is while it is unpacked. */
const LAYOUT = 'image'

/**
 * Unpacks an image, a file of `docker save` or an OCI layout (a directory or an archive of it), into a directory that is ours
 * and empty. Errors: HostError, KernelError, Failure for what is no image.
 */
export async function unpackImage(runtime: Runtime, image: string, directory: string): Promise<UnpackedImage> {
  const { outside } = runtime
  const privileged = outside.effectiveIds().uid === 0
  const rootfs = `${directory}/${ROOTFS}`
  mkdirSync(rootfs, { mode: 0o755 })
  using layout = new ImageLayout(outside, await layoutOf(runtime, image, directory))
  const { config, layers } = layout.read()
  using target = new LayerTarget(outside, rootfs, privileged)
  for (const layer of layers) {
    using archive = await layout.openLayer(layer)
    await target.apply(entriesOf(archive))
  }
  removeAll(outside, AT_FDCWD, `${directory}/${LAYOUT}`)
  return { config, user: userOf(outside, rootfs, config.User ?? '') }
}

/** The directory of the image, which a file is unpacked to as a layer is. */
async function layoutOf({ outside, absolute }: Runtime, image: string, directory: string): Promise<string> {
  const path = absolute(image)
  const stat = outside.statx(AT_FDCWD, path, 0, [ENOENT, ENOTDIR]).stat
  if (stat === undefined) throw new HostError(`there is no image \`${path}\``)
  if ((stat.mode & S_IFMT) === S_IFDIR) return path
  const layout = `${directory}/${LAYOUT}`
  mkdirSync(layout)
  using archive = outside.openat(AT_FDCWD, path, O_RDONLY)
  using target = new LayerTarget(outside, layout, false)
  await target.apply(entriesOf(archive))
  return layout
}
