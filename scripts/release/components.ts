// What a release has of others: linked into the executable, or bundled with the program.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { common } from '../buildCommand.ts'
import { bundleOptions, findEngine } from '../buildStatic.ts'
import { ownArchitecture } from './facts.ts'

export interface Component {
  readonly name: string
  readonly version: string
  /** As SPDX names it. */
  readonly licence: string
  readonly text: string
  /** Its package URL. */
  readonly purl: string
}

interface PackageJson {
  readonly name: string
  readonly version: string
  readonly license: string
}

const MODULES = /^node_modules\/((?:@[^/]+\/)?[^/]+)\//

/** Names of the npm packages of which something is bundled. */
function bundledNames(): string[] {
  const parts = [
    bundleOptions('src/entry/quickjs.ts', 'nowhere'),
    { ...common, entryPoints: ['src/entry/program.ts', 'src/entry/library.ts'], outdir: 'nowhere' },
  ]
  const inputs = parts.flatMap(options =>
    Object.keys(buildSync({ ...options, metafile: true, write: false }).metafile.inputs),
  )
  const names = inputs.map(path => MODULES.exec(path)?.[1]).filter(name => name !== undefined)
  return [...new Set(names)].sort()
}

function bundled(name: string): Component {
  const directory = join('node_modules', name)
  const { version, license } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as PackageJson
  const file = readdirSync(directory).find(entry => /^licen[cs]e/i.test(entry))
  if (file === undefined) throw new Error(`${directory} has no text of its licence`)
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  return { name, version, licence: license, text: readFileSync(join(directory, file), 'utf8'), purl }
}

/** The text of a file that has to be there. */
function textOf(paths: readonly string[], what: string): string {
  const path = paths.find(existsSync)
  if (path === undefined) throw new Error(`there is no text of the licence of ${what}: ${paths.join(', ')}`)
  return readFileSync(path, 'utf8')
}

function quickjs(include: string): Component {
  const text = textOf([join(include, 'LICENSE')], 'QuickJS')
  const version = /quickjs-(\d+\.\d+\.\d+)/.exec(include)?.[1] ?? 'unknown'
  return { name: 'QuickJS', version, licence: 'MIT', text, purl: `pkg:generic/quickjs@${version}` }
}

/** Its dynamic linker says the version; that of another architecture is the same version (scripts/cross.sh). */
function musl(): Component {
  const { stderr } = spawnSync(`/lib/ld-musl-${ownArchitecture().uname}.so.1`, { encoding: 'utf8' })
  const version = /^Version (\S+)/m.exec(stderr ?? '')?.[1] ?? 'unknown'
  const text = textOf(['/usr/share/doc/musl-dev/copyright', '/usr/share/doc/musl/copyright'], 'musl')
  return { name: 'musl', version, licence: 'MIT', text, purl: `pkg:generic/musl@${version}` }
}

/** All of them. The executable has to be one of musl's: glibc's licence asks for more when it is linked statically. */
export function components(): Component[] {
  const { cc, include } = findEngine()
  if (!cc.endsWith('musl-gcc'))
    throw new Error(`a release is built with musl-gcc, and here is ${cc} (Debian: musl-tools)`)
  return [quickjs(include), musl(), ...bundledNames().map(bundled)]
}

/** The licences of all, as one text. */
export function licenceText(list: readonly Component[]): string {
  const rule = '-'.repeat(80)
  const sections = list.map(
    ({ name, version, licence, text }) => `${rule}\n${name} ${version} (${licence})\n${rule}\n\n${text.trimEnd()}\n`,
  )
  return `tsrun itself is under the Apache License 2.0. In it is software of others, under these licences:\n\n${sections.join('\n')}`
}
