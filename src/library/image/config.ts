import { join } from 'node:path'
import type { Config } from '../../../spec/generated/config.ts'
import { UsageError } from '../../errors.ts'
import { defaultConfig } from '../defaultConfig.ts'
import type { ImageConfig } from './layout.ts'
import type { ImageUser } from './user.ts'

/** What an image says about its program. */
export interface UnpackedImage {
  readonly config: ImageConfig
  readonly user: ImageUser
}

/** Where in the directory of an unpacked image its root file system is. */
export const ROOTFS = 'rootfs'

/**
 * The configuration of a container from an image: `given` on its root file system, or the default one with what the image says
 * about its program, whose arguments may be `args` instead. The root can be written to, since it is of this container alone.
 */
export function configOfImage(
  directory: string,
  { config: image, user }: UnpackedImage,
  given: Config | undefined,
  args: readonly string[] | undefined,
): Config {
  const root = { path: join(directory, ROOTFS), readonly: false }
  if (given !== undefined)
    return { ...given, root: { ...given.root, ...root, readonly: given.root?.readonly ?? false } }
  const words = args ?? [...(image.Entrypoint ?? []), ...(image.Cmd ?? [])]
  if (words.length === 0) throw new UsageError('the image names no program; give `args`')
  const config = defaultConfig(root.path, words)
  config.root = root
  config.process.env.push(...(image.Env ?? []))
  config.process.cwd = image.WorkingDir || '/'
  config.process.user = { ...user }
  return config
}
