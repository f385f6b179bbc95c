// The packages for npm: the program, and its static binary for each architecture, which are optional dependencies of it.

import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { type Component, licenceText } from './components.ts'
import { type Architecture, binaryOf, description, manifest, version } from './facts.ts'
import { type File, writeFiles } from './tree.ts'

/** See docs/packaging.md; scripts/launcher.sh and src/entry/binary.ts know it, too. */
const SCOPE = '@tsrun'

const SHARED = { version, description, license: manifest['license'], os: manifest['os'] }
const json = (value: object) => `${JSON.stringify(value, undefined, 2)}\n`
const nameOfBinary = ({ node }: Architecture) => `${SCOPE}/linux-${node}`

/** Packs a staged directory into `output`, and gives the path of the package. */
function pack(staged: string, output: string): string {
  const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', output, staged]
  const [{ filename }] = JSON.parse(execFileSync('npm', words, { encoding: 'utf8' })) as [{ filename: string }]
  return join(output, basename(filename.replace('@', '').replace('/', '-')))
}

function packed(output: string, fill: (staged: string) => void): string {
  const staged = mkdtempSync(join(tmpdir(), 'tsrun-npm-'))
  try {
    fill(staged)
    return pack(staged, output)
  } finally {
    rmSync(staged, { recursive: true })
  }
}

function binaryPackage(output: string, architecture: Architecture, licences: File): string {
  const { node, uname } = architecture
  const text = `The static binary of tsrun for Linux on ${uname}, which the package ${SCOPE}/tsrun calls.\n`
  return packed(output, staged =>
    writeFiles(staged, [
      { path: 'package.json', content: json({ name: nameOfBinary(architecture), ...SHARED, cpu: [node] }) },
      { path: 'README.md', content: text },
      { path: 'LICENSE', content: readFileSync('LICENSE') },
      { path: 'tsrun', content: readFileSync(binaryOf(architecture)), mode: 0o755 },
      licences,
    ]),
  )
}

/** The manifest without what only a clone needs. */
export function programManifest(architectures: readonly Architecture[]): Record<string, unknown> {
  const { scripts, devDependencies, optionalDependencies, files, name, ...rest } = manifest
  const { postinstall } = scripts as Record<string, string>
  const binaries = Object.fromEntries(architectures.map(one => [nameOfBinary(one), version]))
  const optional = { ...(optionalDependencies as Record<string, string>), ...binaries }
  return { name: `${SCOPE}/tsrun`, ...rest, scripts: { postinstall }, optionalDependencies: optional }
}

/** What was made for the Node.js of the build, and is made again at each installation. */
const OWN = /\.image$|known-node$|no-binary$/

function programPackage(output: string, architectures: readonly Architecture[], licences: File): string {
  return packed(output, staged => {
    const copied = [
      'dist/node',
      'dist/types',
      'dist/library.js',
      'dist/library.cjs',
      'dist/library.d.cts',
      'README.md',
      'CHANGELOG.md',
      'LICENSE',
    ]
    for (const path of [...copied, 'spec/config.schema.json'])
      cpSync(path, join(staged, path), { recursive: true, filter: source => !OWN.test(source) })
    const missing = architectures.map(nameOfBinary).join(' or ')
    const wrapper = join(staged, 'dist/node/tsrun')
    writeFileSync(wrapper, readFileSync(wrapper, 'utf8').replace(/^node='.*'$/m, "node=''"))
    writeFiles(staged, [
      { path: 'package.json', content: json(programManifest(architectures)) },
      { path: 'dist/tsrun', content: readFileSync('scripts/launcher.sh'), mode: 0o755 },
      { path: 'dist/node/lib/no-binary', content: `the package ${missing} is not installed\n` },
      licences,
    ])
  })
}

/** Writes all packages into `output`, and gives their paths. */
export function makeNpmPackages(output: string, architectures: readonly Architecture[], list: readonly Component[]) {
  const licences = { path: 'THIRD-PARTY-LICENCES', content: licenceText(list) }
  return [
    ...architectures.map(architecture => binaryPackage(output, architecture, licences)),
    programPackage(output, architectures, licences),
  ]
}
