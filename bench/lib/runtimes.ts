import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import type { Subject } from './results.ts'

/** A program with the commands of the OCI runtimes. */
export interface Runtime extends Subject {
  readonly path: string
  /** Its own options, which every command line begins with. */
  readonly options: readonly string[]
  readonly version: string
  /** Its state directory. */
  readonly root: string
  /** The words of one of its command lines. */
  command(...words: string[]): string[]
}

/** Where to look for runtimes. */
export interface Places {
  /** What `npm run build` writes. */
  readonly dist: string
  /** What scripts/get-newer-runtimes.sh has unpacked. */
  readonly newer: string
  /** Others, as `NAME=PATH OPTION...`. */
  readonly others: readonly string[]
  /** Names to leave out. */
  readonly without: readonly string[]
  /** The directory for state directories. */
  readonly state: string
}

interface Candidate {
  /** Undefined: called after itself and its version. */
  readonly name?: string
  readonly label?: string
  readonly kind: 'tsrun' | 'peer'
  readonly path: string
  readonly options?: readonly string[]
}

/** Where a program is that PATH, or a directory of root's, has. */
export function onPath(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/bin']
  return directories.map(directory => join(directory, name)).find(path => existsSync(path))
}

function other(text: string): Candidate {
  const equals = text.indexOf('=')
  const [path = '', ...options] = text.slice(equals + 1).split(' ')
  if (equals < 1 || path === '') throw new Error(`--runtime \`${text}\`: write NAME=PATH`)
  if (!existsSync(path)) throw new Error(`--runtime \`${text}\`: there is no \`${path}\``)
  return { name: text.slice(0, equals), kind: 'peer', path: resolve(path), options }
}

/** tsrun first, and of the peers the newer before the older. */
function candidates({ dist, newer, others }: Places): Candidate[] {
  const peer = (path: string | undefined): Candidate[] =>
    path !== undefined && existsSync(path) ? [{ kind: 'peer', path }] : []
  return [
    { name: 'tsrun', label: 'tsrun, static binary', kind: 'tsrun', path: join(dist, 'tsrun') },
    { name: 'tsrun-node', label: 'tsrun, through Node.js', kind: 'tsrun', path: join(dist, 'node/tsrun') },
    ...peer(join(newer, 'crun')),
    ...peer(onPath('crun')),
    ...peer(join(newer, 'runc')),
    ...peer(onPath('runc')),
    ...sandbox(onPath('runsc')),
    ...others.map(other),
  ]
}

/** gVisor, without a network and limits of its own: not every host lets it have them. */
function sandbox(path: string | undefined): Candidate[] {
  if (path === undefined) return []
  return [{ name: 'runsc', kind: 'peer', path, options: ['--network=none', '--ignore-cgroups'] }]
}

/** The first line of `--version`, which names the program, and the number in it. */
function versionOf(path: string): { program: string; version: string } | undefined {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 20_000 })
  if (status !== 0) return undefined
  const [line = ''] = stdout.split('\n')
  const version = /\d+(\.\d+)+\S*/.exec(stdout)?.[0].replace(/\+.*/, '') ?? 'unknown version'
  return { program: line.split(' ')[0]!, version }
}

/** Finds the runtimes to compare. `say` hears about those that are left out. */
export function findRuntimes(places: Places, say: (text: string) => void): Runtime[] {
  const found: Runtime[] = []
  const files = new Set<string>()
  for (const candidate of candidates(places)) {
    const { path, kind, options = [] } = candidate
    if (!existsSync(path)) {
      say(`${candidate.label} is left out: there is no ${path} (\`npm run build\` makes it)`)
      continue
    }
    const known = versionOf(path)
    if (known === undefined) {
      say(`${path} is left out: its --version fails`)
      continue
    }
    const { program, version } = known
    const name = candidate.name ?? `${program}-${version}`
    const file = [realpathSync(path), ...options].join(' ')
    if (files.has(file) || found.some(runtime => runtime.name === name) || places.without.includes(name)) continue
    files.add(file)
    const root = join(places.state, name)
    mkdirSync(root, { recursive: true, mode: 0o700 })
    found.push({
      name,
      label: candidate.label ?? (candidate.name === undefined ? `${program} ${version}` : `${name} ${version}`),
      kind,
      path,
      options,
      version,
      root,
      command: (...words) => [path, ...options, '--root', root, ...words],
    })
  }
  return found
}

/** The newest runc, which others are compared with in the table that the runtimes publish of themselves. */
export function referenceName(runtimes: readonly Runtime[]): string | undefined {
  return (
    runtimes.find(({ name }) => name.startsWith('runc-'))?.name ?? runtimes.find(({ kind }) => kind === 'peer')?.name
  )
}
