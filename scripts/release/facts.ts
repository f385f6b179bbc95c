import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** An architecture, as those who package name it. */
export interface Architecture {
  readonly node: 'x64' | 'arm64'
  readonly deb: string
  readonly uname: string
}

export const ARCHITECTURES: readonly Architecture[] = [
  { node: 'x64', deb: 'amd64', uname: 'x86_64' },
  { node: 'arm64', deb: 'arm64', uname: 'aarch64' },
]

/** That of this machine, where `npm run build` makes dist/tsrun for it. */
export function ownArchitecture(): Architecture {
  const own = ARCHITECTURES.find(({ node }) => node === process.arch)
  if (own === undefined) throw new Error(`there is no static binary for ${process.arch}`)
  return own
}

/** Where the builds leave the static binary. */
export function binaryOf({ node }: Architecture): string {
  return node === process.arch ? 'dist/tsrun' : `dist/static-${node}/tsrun`
}

export const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, unknown> & {
  readonly version: string
  readonly description: string
}

export const { version, description } = manifest

/**
 * The moment that everything in a release is dated with, in seconds since 1970: SOURCE_DATE_EPOCH, else the time of the commit.
 * So two builds of one commit give the same files.
 */
export function releaseTime(): number {
  const told = process.env['SOURCE_DATE_EPOCH']
  if (told !== undefined) return Number(told)
  try {
    return Number(
      execFileSync('git', ['log', '-1', '--format=%ct'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    )
  } catch {
    return 0 // an archive of the source
  }
}

/** That moment for man pages and changelogs. */
export function releaseDate(): string {
  return new Date(releaseTime() * 1000).toISOString().slice(0, 10)
}
