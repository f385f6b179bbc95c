/** `npm run release`: everything that is given to others, in the directory release, from a clean checkout. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { buildCross, NoEngine } from '../buildStatic.ts'
import { type Component, components, licenceText } from './components.ts'
import { makeDeb } from './deb.ts'
import { ARCHITECTURES, type Architecture, binaryOf, ownArchitecture, releaseTime, version } from './facts.ts'
import { makeNpmPackages } from './npm.ts'
import { sbom } from './sbom.ts'
import { CONTAINERS_CONF, programFiles, writeFiles } from './tree.ts'

const OUTPUT = 'release'

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

const nameOf = ({ uname }: Architecture) => `tsrun-${version}-linux-${uname}`

/** Everything below one directory, as it lies below /usr/local. */
function makeTarball(architecture: Architecture, list: readonly Component[]): void {
  const name = nameOf(architecture)
  const scratch = mkdtempSync(join(tmpdir(), 'tsrun-tarball-'))
  try {
    writeFiles(join(scratch, name), [
      ...programFiles(architecture),
      { path: 'share/doc/tsrun/containers.conf', content: CONTAINERS_CONF },
      { path: 'share/doc/tsrun/LICENSE', content: readFileSync('LICENSE') },
      { path: 'share/doc/tsrun/THIRD-PARTY-LICENCES', content: licenceText(list) },
    ])
    const same = [
      '--sort=name',
      `--mtime=@${releaseTime()}`,
      '--owner=0',
      '--group=0',
      '--numeric-owner',
      '--mode=u+w,go-w',
    ]
    const tar = execFileSync('tar', ['-c', ...same, '-C', scratch, name], { maxBuffer: 1 << 28 })
    writeFileSync(join(OUTPUT, `${name}.tar.gz`), gzipSync(tar, { level: 9 }))
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

function writeSums(): void {
  const names = readdirSync(OUTPUT).sort()
  writeFileSync(join(OUTPUT, 'SHA256SUMS'), names.map(name => `${sha256(join(OUTPUT, name))}  ${name}\n`).join(''))
}

/** A sentence when no release can be made here. */
function obstacle(): string | undefined {
  if (process.argv.includes('--dirty')) return undefined
  const changed = execFileSync('git', ['status', '--porcelain'], { encoding: 'utf8' }) !== ''
  return changed ? 'there are changes that are not committed; --dirty takes them' : undefined
}

/** Builds for all architectures that this machine has the tools for, and gives them; its own has to be among them. */
function build(): Architecture[] {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' })
  if (existsSync('dist/node/lib/no-binary')) throw new Error('a release has a static binary, and none could be built')
  return ARCHITECTURES.filter(architecture => {
    try {
      if (architecture !== ownArchitecture()) buildCross(architecture.node)
      return true
    } catch (error) {
      if (!(error instanceof NoEngine)) throw error
      console.error(`release: without ${architecture.uname}: ${error.message}`)
      return false
    }
  })
}

function release(): void {
  const architectures = build()
  const list = components()
  rmSync(OUTPUT, { recursive: true, force: true })
  mkdirSync(OUTPUT)
  for (const architecture of architectures) {
    makeDeb(OUTPUT, architecture, list)
    makeTarball(architecture, list)
    writeFileSync(join(OUTPUT, `${nameOf(architecture)}.spdx.json`), sbom(list, sha256(binaryOf(architecture))))
  }
  makeNpmPackages(OUTPUT, architectures, list)
  writeSums()
  for (const name of readdirSync(OUTPUT))
    console.log(`${join(OUTPUT, name)}: ${statSync(join(OUTPUT, name)).size} bytes`)
}

const why = obstacle()
if (why === undefined) release()
else {
  console.error(`release: ${why}`)
  process.exitCode = 1
}
