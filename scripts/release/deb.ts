/** The .deb: `npm run package:deb`, of this machine's architecture; `-- --arch arm64` of another one. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Component, components, licenceText } from './components.ts'
import {
  ARCHITECTURES,
  type Architecture,
  binaryOf,
  description,
  ownArchitecture,
  releaseTime,
  version,
} from './facts.ts'
import { CONTAINERS_CONF, type File, programFiles, writeFiles } from './tree.ts'

const MAINTAINER = process.env['MAINTAINER'] ?? 'tsrun maintainers <tsrun@localhost.invalid>'
const CONF = 'etc/containers/containers.conf.d/tsrun.conf'

/** Beside the texts of its own there is the notice of the licence that Debian has in common-licenses. */
function copyright(list: readonly Component[]): string {
  return [
    'tsrun',
    '',
    'Licensed under the Apache License, Version 2.0, which is in /usr/share/common-licenses/Apache-2.0.',
    '',
    licenceText(list),
  ].join('\n')
}

function documentation(list: readonly Component[]): File[] {
  const text = (path: string) => readFileSync(path, 'utf8')
  return [
    { path: 'copyright', content: copyright(list) },
    { path: 'changelog.gz', content: gzipSync(text('CHANGELOG.md'), { level: 9 }) },
    { path: 'README.md', content: text('README.md') },
  ].map(file => ({ ...file, path: `usr/share/doc/tsrun/${file.path}` }))
}

function sizeOf({ content }: File): number {
  return Math.ceil(content.length / 1024)
}

function control({ deb }: Architecture, files: readonly File[]): string {
  return `${[
    'Package: tsrun',
    `Version: ${version}`,
    `Architecture: ${deb}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${files.map(sizeOf).reduce((sum, size) => sum + size, 0)}`,
    'Section: admin',
    'Priority: optional',
    'Suggests: criu, uidmap',
    'Enhances: podman, buildah, containerd, docker.io',
    `Description: ${description.split(':')[0]}`,
    ' A drop-in for runc and crun under podman, buildah, docker and containerd, in',
    ' one static executable; and a command for people who debug containers: it',
    ' validates bundles, tells what it would do, and shows where the time goes.',
  ].join('\n')}\n`
}

function checksums(files: readonly File[]): string {
  const md5 = ({ content }: File) => createHash('md5').update(content).digest('hex')
  return files.map(file => `${md5(file)}  ${file.path}\n`).join('')
}

/** Writes the package into `directory`, and gives its path. The binary is what the build of the architecture has left. */
export function makeDeb(directory: string, architecture: Architecture, list: readonly Component[]): string {
  const root = mkdtempSync(join(tmpdir(), 'tsrun-deb-'))
  const output = join(directory, `tsrun_${version}_${architecture.deb}.deb`)
  try {
    chmodSync(root, 0o755)
    const files = [
      ...programFiles(architecture).map(file => ({ ...file, path: `usr/${file.path}` })),
      ...documentation(list),
      { path: CONF, content: CONTAINERS_CONF },
    ]
    writeFiles(root, [
      ...files,
      { path: 'DEBIAN/control', content: control(architecture, files) },
      { path: 'DEBIAN/conffiles', content: `/${CONF}\n` },
      { path: 'DEBIAN/md5sums', content: checksums(files.filter(({ path }) => path !== CONF)) },
    ])
    const env = { ...process.env, SOURCE_DATE_EPOCH: String(releaseTime()) }
    mkdirSync(directory, { recursive: true })
    execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', root, output], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    })
  } finally {
    rmSync(root, { recursive: true })
  }
  return output
}

if (process.argv[1]?.endsWith('deb.ts')) {
  const [option, name] = process.argv.slice(2)
  const architecture = option === '--arch' ? ARCHITECTURES.find(({ node }) => node === name) : ownArchitecture()
  if (architecture === undefined) throw new Error(`--arch: ${ARCHITECTURES.map(({ node }) => node).join(' or ')}`)
  const own = architecture === ownArchitecture()
  if (!existsSync(binaryOf(architecture)) || (own && existsSync('dist/node/lib/no-binary')))
    throw new Error(
      `there is no static binary: \`npm run build:static${own ? '' : ` -- --arch ${name}`}\` makes it, or says why it can not be`,
    )
  console.log(makeDeb('release', architecture, components()))
}
