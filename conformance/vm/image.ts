// What a machine boots from, built once and kept outside of the tree:
//
//   kernel-KEY/   vmlinux, initrd.img, lib/modules: made by build/kernel.sh
//   layer-KEY/    layer.img: made by build/layer.sh
//   disk-KEY/     disk.img, an empty file system
//   root-KEY/     root, the tree of a machine with another processor than the host's: made by build/root-arm64.sh
//
// KEY is a hash of everything that the result depends on, so there is nothing to invalidate.

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Lane } from './lanes.ts'

export interface Image {
  /** The tree over which the layer comes: the host's, or one of its own. */
  readonly root: string
  readonly kernel: string
  /** Is the kernel that of the suite which this machine has? */
  readonly isOwnKernel: boolean
  readonly initrd: string
  /** A directory that has lib/modules. */
  readonly modules: string
  readonly layer: string
  readonly disk: string
}

const here = new URL('.', import.meta.url).pathname
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tsrun/vm')
const UNUSED_DAYS = 14
/** As build/root-arm64.sh has them; each has a package for every processor, of the same version. */
const NATIVE = ['esbuild', 'koffi', 'rolldown', 'lightningcss']

function keyOf(inputs: readonly string[]): string {
  const hash = createHash('sha256')
  for (const input of inputs) hash.update(`${input.length}:${input}`)
  return hash.digest('hex').slice(0, 16)
}

const read = (path: string) => readFileSync(join(here, path), 'utf8')

/** A built part's directory. `make` fills a directory; what fails leaves nothing. */
function part(name: string, inputs: readonly string[], make: (directory: string) => void): string {
  const directory = join(cache, `${name}-${keyOf(inputs)}`)
  if (!existsSync(directory)) {
    const start = Date.now()
    console.log(`vm: building ${directory}`)
    mkdirSync(cache, { recursive: true })
    const work = mkdtempSync(join(cache, '.work-'))
    try {
      make(work)
      // Another process may have finished meanwhile: its result is as good.
      if (!existsSync(directory)) renameSync(work, directory)
    } finally {
      rmSync(work, { recursive: true, force: true })
    }
    console.log(`vm: built in ${Math.round((Date.now() - start) / 1000)} s`)
  }
  const now = new Date()
  utimesSync(directory, now, now) // for `removeUnused`
  return directory
}

function removeUnused(): void {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name)
    if (Date.now() - statSync(path).mtimeMs > UNUSED_DAYS * 86_400_000) rmSync(path, { recursive: true })
  }
}

/** Runs a script of build/; its output is shown when it fails. */
function build(script: string, directory: string, ...options: string[]): void {
  const words = ['-m', '--propagation', 'private', 'sh', join(here, 'build', script), directory, ...options]
  const { status, signal, stdout, stderr } = spawnSync('unshare', words, { encoding: 'utf8', timeout: 900_000 })
  if (status !== 0) throw new Error(`${script} failed, ${signal ?? `exit code ${status}`}:\n${stdout}${stderr}`)
}

/**
 * Gives the paths of all parts, after building those that are missing. The kernel is that of the suite of Debian that this
 * machine has, or of `suite`. Needs root, apt and scripts/vm-packages.sh.
 */
export function prepareImage({ processor }: Lane, suite?: string): Image {
  const image = processor === undefined ? ownImage(suite) : otherImage(processor, suite)
  removeUnused()
  return image
}

/** Of another suite than this machine's the kernel is looked for anew each week, since such a suite gets newer ones. */
function kernelOf(processor: 'amd64' | 'arm64', suite: string | undefined): string {
  const week = Math.floor(Date.now() / (7 * 86_400_000))
  const inputs = [read('build/kernel.sh'), read('guest/initramfs.sh'), processor]
  return part('kernel', suite === undefined ? inputs : [...inputs, suite, String(week)], directory =>
    build('kernel.sh', directory, processor, ...(suite === undefined ? [] : [suite])),
  )
}

function emptyDisk(): string {
  const directory = part('disk', ['4G'], directory => {
    const path = join(directory, 'disk.img')
    execFileSync('truncate', ['-s', '4G', path])
    execFileSync('mkfs.ext4', ['-q', '-O', '^has_journal', path])
  })
  return join(directory, 'disk.img')
}

/** What a machine with another processor has is in its root: there is nothing in its layer. */
function otherImage(processor: 'arm64', suite: string | undefined): Image {
  const missing = (what: string, how: string) => new Error(`${what} is missing; ${how}`)
  if (spawnSync('qemu-system-aarch64', ['--version']).status !== 0)
    throw missing('qemu-system-aarch64', 'install it with `sh scripts/vm-packages.sh arm64`')
  if (!existsSync(join(here, `../../dist/static-${processor}/tsrun`)))
    throw missing(`dist/static-${processor}/tsrun`, `make it with \`npm run build:static -- --arch ${processor}\``)
  const kernel = kernelOf(processor, suite)
  // Of the packages that it has one of its own of.
  const versions = NATIVE.map(name => readFileSync(join(here, '../../node_modules', name, 'package.json'), 'utf8'))
  const root = part('root', [read(`build/root-${processor}.sh`), ...versions, process.execPath], directory =>
    build(`root-${processor}.sh`, directory),
  )
  return {
    root: join(root, 'root'),
    kernel: join(kernel, 'vmlinux'),
    isOwnKernel: suite === undefined,
    initrd: join(kernel, 'initrd.img'),
    modules: kernel,
    layer: emptyDisk(),
    disk: emptyDisk(),
  }
}

function ownImage(suite: string | undefined): Image {
  const kernel = kernelOf('amd64', suite)
  // The layer has files of the packages that the host has too, such as dpkg's own status.
  const installed = execFileSync('dpkg-query', ['--show'], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  const layer = part('layer', [read('build/layer.sh'), read('guest/container.cil'), installed], directory =>
    build('layer.sh', directory),
  )
  return {
    root: '/',
    kernel: join(kernel, 'vmlinux'),
    isOwnKernel: suite === undefined,
    initrd: join(kernel, 'initrd.img'),
    modules: kernel,
    layer: join(layer, 'layer.img'),
    disk: emptyDisk(),
  }
}
