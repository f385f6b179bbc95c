import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../spec/generated/config.ts'
import { specTemplate } from '../../src/config/template.ts'

const BUSYBOX = '/bin/busybox'
const APPLETS = 'cat grep hostname ls readlink sed sh sleep tr true'.split(' ')

/** The version of the specification that every runtime takes. */
const OCI_VERSION = '1.0.2'

/** Bundles in one directory with one root file system: a static busybox, so that no time goes into a dynamic loader. */
export class Bundles {
  readonly #directory: string
  readonly rootfs: string

  constructor(directory: string) {
    if (!existsSync(BUSYBOX)) throw new Error(`${BUSYBOX} is missing: install busybox-static`)
    this.#directory = directory
    this.rootfs = join(directory, 'rootfs')
    for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp'])
      mkdirSync(join(this.rootfs, name), { recursive: true })
    copyFileSync(BUSYBOX, join(this.rootfs, 'bin/busybox'))
    for (const applet of APPLETS) symlinkSync('busybox', join(this.rootfs, 'bin', applet))
    writeFileSync(join(this.rootfs, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
  }

  /** A bundle with the configuration of `tsrun spec` that runs `args`; `change` may touch it. Returns its directory. */
  make(name: string, args: string[], change: (config: Config) => void = () => {}): string {
    const directory = join(this.#directory, name)
    mkdirSync(directory, { recursive: true })
    if (!existsSync(join(directory, 'rootfs'))) symlinkSync(this.rootfs, join(directory, 'rootfs'))
    const template = specTemplate()
    const config: Config = {
      ...template,
      ociVersion: OCI_VERSION,
      process: { ...template.process!, args },
      root: { path: this.rootfs, readonly: true },
      hostname: 'bench',
    }
    change(config)
    writeFileSync(join(directory, 'config.json'), `${JSON.stringify(config, undefined, 2)}\n`)
    return directory
  }
}
