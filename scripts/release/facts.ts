import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** An architecture, as those who package name it. */
export interface Architecture {
  readonly node: string
  readonly deb: string
  readonly uname: string
}

export const X86_64: Architecture = { node: 'x64', deb: 'amd64', uname: 'x86_64' }

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
