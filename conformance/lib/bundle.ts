// Bundles: a busybox root file system in a temporary directory and a configuration with a few keys changed.

import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { baseConfig, type Config } from './config.ts'
import { must } from './run.ts'
import { fresh, later, sceneDirectory } from './scene.ts'

export interface Bundle {
  directory: string
  rootfs: string
  config: Config
  /** Writes config.json again, after the test has changed `config`. */
  save(): void
}

const BUSYBOX = '/bin/busybox'
const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000:alice:/home/alice:/bin/sh\n'
const GROUP = 'root:x:0:\ntty:x:5:\nalice:x:1000:\n'

let applets: string[] | undefined

/** Fills `rootfs` with busybox under all its names, and the directories every system has. */
export function makeRootfs(rootfs: string): void {
  for (const name of ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'sys', 'tmp', 'usr', 'var']) {
    mkdirSync(join(rootfs, name), { recursive: true, mode: 0o755 })
  }
  copyFileSync(BUSYBOX, join(rootfs, 'bin/busybox'))
  applets ??= must([BUSYBOX, '--list']).trim().split('\n')
  for (const applet of applets) if (applet !== 'busybox') symlinkSync('busybox', join(rootfs, 'bin', applet))
  writeFileSync(join(rootfs, 'etc/passwd'), PASSWD)
  writeFileSync(join(rootfs, 'etc/group'), GROUP)
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
