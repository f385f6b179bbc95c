/** `npm run release`: everything that is given to others, in the directory release, from a clean checkout. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { type Component, components, licenceText } from './components.ts'
import { makeDeb } from './deb.ts'
import { type Architecture, releaseTime, version, X86_64 } from './facts.ts'
import { makeNpmPackages } from './npm.ts'
import { sbom } from './sbom.ts'
import { BINARY, CONTAINERS_CONF, programFiles, writeFiles } from './tree.ts'

const OUTPUT = 'release'

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

/** Everything below one directory, as it lies below /usr/local. */
function makeTarball({ uname }: Architecture, list: readonly Component[]): void {
  const name = `tsrun-${version}-linux-${uname}`
  const scratch = mkdtempSync(join(tmpdir(), 'tsrun-tarball-'))
  try {
    writeFiles(join(scratch, name), [
      ...programFiles(),
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

function release(): void {
  execFileSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' })
  if (existsSync('dist/node/lib/no-binary')) throw new Error('a release has a static binary, and none could be built')
  const list = components()
  rmSync(OUTPUT, { recursive: true, force: true })
  mkdirSync(OUTPUT)
  makeDeb(OUTPUT, X86_64, list)
  makeTarball(X86_64, list)
  makeNpmPackages(OUTPUT, [X86_64], list)
  writeFileSync(join(OUTPUT, `tsrun-${version}.spdx.json`), sbom(list, sha256(BINARY)))
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
