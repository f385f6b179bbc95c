// Which runtime the cases look at. They are written against the specification and the habits that runc and crun share,
// so a case is first shown right on those: RUNTIME=runc npm run e2e.

import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { basename, delimiter, join, resolve } from 'node:path'
import { repository } from './repository.ts'

export type Kind = 'tsrun' | 'runc' | 'crun' | 'runsc'

const KINDS: readonly Kind[] = ['tsrun', 'runc', 'crun', 'runsc']

/** The built command of each host, by the value of TSRUN_HOST. Where there is no static binary, both are Node.js. */
const BUILT: Record<string, string> = { static: 'dist/tsrun', node: 'dist/node/tsrun' }

function onPath(name: string): string | undefined {
  const directories = (process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin').split(delimiter)
  return directories.map(directory => join(directory, name)).find(path => existsSync(path))
}

function locate(): string {
  const wanted = process.env['RUNTIME']
  if (!wanted) return join(repository, BUILT[process.env['TSRUN_HOST'] ?? 'static'] ?? 'dist/tsrun')
  const found = wanted.includes('/') ? resolve(wanted) : onPath(wanted)
  if (found === undefined) throw new Error(`RUNTIME=${wanted}: no such program in PATH`)
  return found
}

function identify(path: string): Kind {
  accessSync(path, constants.X_OK)
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 })
  const name = KINDS.find(kind => kind === stdout.split(' ')[0])
  if (name !== undefined) return name
  throw new Error(`${path}: not a runtime these cases know; it says \`${stdout.split('\n')[0]}\``)
}

const path = locate()

/** The runtime under test: its absolute path, and which of the known ones it is. */
export const runtime = { path, name: basename(path), kind: identify(path) }

export const isTsrun = runtime.kind === 'tsrun'
export const isRunc = runtime.kind === 'runc'
export const isCrun = runtime.kind === 'crun'

/** Version as [major, minor], to tell apart what older peers do not have yet. */
export const version: [number, number] = (() => {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 })
  const [, major, minor] = /version v?(\d+)\.(\d+)/.exec(stdout) ?? []
  return [Number(major ?? 0), Number(minor ?? 0)]
})()

/** Is the runtime a peer older than this? Such a case is skipped: the peer lacks the feature. */
export function olderThan(kind: Kind, major: number, minor: number): boolean {
  return runtime.kind === kind && (version[0] < major || (version[0] === major && version[1] < minor))
}
