// Bundles: a busybox root file system in a temporary directory and a configuration with a few keys changed.

import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { baseConfig, type Config } from './config.ts'
import { makeRootfs } from './rootfs.ts'
import { fresh, later, sceneDirectory } from './scene.ts'

export interface Bundle {
  directory: string
  rootfs: string
  config: Config
  /** Writes config.json again, after the test has changed `config`. */
  save(): void
}

/**
 * A bundle for the running test, removed when that ends. `change` may touch the configuration before it is written,
 * and gets the root file system's path.
 */
export function makeBundle(change: (config: Config, rootfs: string) => void = () => {}): Bundle {
  const directory = join(sceneDirectory, fresh('b'))
  const rootfs = join(directory, 'rootfs')
  makeRootfs(rootfs)
  later(() => rmSync(directory, { recursive: true, force: true }))
  const config = baseConfig()
  const save = () => writeFileSync(join(directory, 'config.json'), JSON.stringify(config, undefined, 2))
  change(config, rootfs)
  save()
  return { directory, rootfs, config, save }
}

/** A directory on the host for the running test: a source for mounts, a place for sockets and pid files. */
export function makeDirectory(mode = 0o755): string {
  const directory = join(sceneDirectory, fresh('d'))
  mkdirSync(directory)
  chmodSync(directory, mode) // whatever the umask
  later(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
