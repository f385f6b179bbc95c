import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

export interface Options {
  readonly only: readonly string[]
  readonly quick: boolean
  readonly rounds: number | undefined
  readonly dist: string
  readonly newer: string
  readonly fetchNewer: boolean
  readonly others: readonly string[]
  readonly without: readonly string[]
  readonly alive: readonly number[] | undefined
  readonly results: string
  readonly compare: string | undefined
  readonly limit: number | undefined
  readonly help: boolean
}

const repository = new URL('../..', import.meta.url).pathname

const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')

const flags = {
  only: { type: 'string', placeholder: 'A,B', help: 'measure only these points' },
  quick: { type: 'boolean', help: 'a fifth of the rounds and smaller counts' },
  rounds: { type: 'string', placeholder: 'N', help: 'this many rounds for every point' },
  dist: { type: 'string', placeholder: 'DIR', help: 'the build of tsrun to measure (dist)' },
  newer: { type: 'string', placeholder: 'DIR', help: 'newer crun and runc (~/.cache/tsrun/newer)' },
  'fetch-newer': { type: 'boolean', help: 'fill that directory first, see scripts/get-newer-runtimes.sh' },
  runtime: {
    type: 'string',
    multiple: true,
    placeholder: 'NAME=PATH',
    help: 'another runtime; options may follow PATH',
  },
  without: { type: 'string', placeholder: 'A,B', help: 'leave these runtimes out' },
  alive: { type: 'string', placeholder: 'N,N', help: 'numbers of containers for the point `crowd` (0,100,500,1000)' },
  results: { type: 'string', placeholder: 'DIR', help: 'where the results go (bench/results)' },
  compare: { type: 'string', placeholder: 'FILE', help: 'a latest.json of before: tell what has changed' },
  limit: {
    type: 'string',
    placeholder: 'TIMES',
    help: 'fail where `run` takes more than TIMES the floor in each of three sittings; takes only that point',
  },
  help: { type: 'boolean', help: 'show this' },
} as const

function words(text: string | undefined): string[] {
  return (text ?? '').split(',').filter(word => word !== '')
}

function count(flag: string, text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new Error(`--${flag} \`${text}\`: not a number`)
  return value
}

function factor(flag: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${flag} \`${text}\`: not a number above 0`)
  return value
}

/** Reads the command line. Throws an error with a sentence for what it does not know. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({ args: [...args], options: flags })
  return {
    only: values.limit === undefined ? words(values.only) : ['floor'],
    quick: values.quick ?? false,
    rounds: values.rounds === undefined ? undefined : Math.max(1, count('rounds', values.rounds)),
    dist: resolve(values.dist ?? join(repository, 'dist')),
    newer: resolve(values.newer ?? join(cache, 'tsrun/newer')),
    fetchNewer: values['fetch-newer'] ?? false,
    others: values.runtime ?? [],
    without: words(values.without),
    alive: values.alive === undefined ? undefined : words(values.alive).map(text => count('alive', text)),
    results: resolve(values.results ?? join(repository, 'bench/results')),
    compare: values.compare === undefined ? undefined : resolve(values.compare),
    limit: values.limit === undefined ? undefined : factor('limit', values.limit),
    help: values.help ?? false,
  }
}

/** The help; `points` are names and summaries. */
export function helpText(points: readonly { name: string; summary: string }[]): string {
  const left = Object.entries(flags).map(([name, flag]) =>
    `--${name} ${'placeholder' in flag ? flag.placeholder : ''}`.trimEnd(),
  )
  const width = Math.max(...left.map(text => text.length))
  const right = Object.values(flags).map(({ help }) => help)
  return [
    'npm run bench -- [OPTIONS]',
    '',
    'Compares tsrun with crun, runc and a floor written in C. Needs root and busybox-static.',
    '',
    ...left.map((text, i) => `  ${text.padEnd(width)}  ${right[i]}`),
    '',
    'Points:',
    ...points.map(({ name, summary }) => `  ${name.padEnd(12)}  ${summary}`),
    '',
  ].join('\n')
}
