// Runs the validation programs of opencontainers/runtime-tools against runtimes and prints a table.
//
// usage: npx tsx conformance/suites/runtimeTools.ts --suite DIRECTORY [--only PATTERN] [NAME=]PATH...
//
// DIRECTORY is a built source tree: see fetch.sh and build-runtime-tools.sh.

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { aloneIn, markdownTable, type Outcome } from './table.ts'
import { readTap } from './tap.ts'

const TIMEOUT_MS = 60_000

/** The programs, by the name of their directory. */
function programs(suite: string, only: RegExp): Map<string, string> {
  const root = join(suite, 'validation')
  const found = new Map<string, string>()
  for (const name of readdirSync(root).sort()) {
    if (!only.test(name)) continue
    const program = readdirSync(join(root, name)).find(file => file.endsWith('.t'))
    if (program !== undefined) found.set(name, join('validation', name, program))
  }
  return found
}

/** A program that ends with an error has failed, whatever its checks say. */
function run(suite: string, program: string, runtime: string): Outcome {
  const { stdout, stderr, status, signal } = spawnSync(`./${program}`, {
    cwd: suite,
    env: { ...process.env, RUNTIME: runtime },
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  })
  const tap = readTap(stdout)
  if (status === 0 || tap.failed.length > 0) return tap
  const how = signal === null ? `exit code ${status}` : signal
  const last =
    stderr
      .trim()
      .split('\n')
      .findLast(line => !line.startsWith('exit status')) ?? ''
  return { ...tap, failed: [`${how}: ${last}`] }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { suite: { type: 'string' }, only: { type: 'string', default: '.' } },
})
if (values.suite === undefined || positionals.length === 0) {
  console.error('usage: runtimeTools.ts --suite DIRECTORY [--only PATTERN] [NAME=]PATH...')
  process.exit(64)
}
const suite = resolve(values.suite)
const runtimes = new Map(
  positionals.map(text => {
    const [name, path] = text.includes('=') ? text.split('=') : [basename(text), text]
    return [name!, resolve(path!)]
  }),
)
const results = new Map<string, Map<string, Outcome>>()
for (const [part, program] of programs(suite, new RegExp(values.only))) {
  const outcomes = new Map([...runtimes].map(([name, path]) => [name, run(suite, program, path)]))
  results.set(part, outcomes)
  console.error(part, ...[...outcomes].map(([name, { passed, failed }]) => `${name} ${passed}/${failed.length}`))
}
const [first] = runtimes.keys()
console.log(markdownTable(results, [...runtimes.keys()]))
console.log([`Failures of ${first} that another runtime does not have:`, ...aloneIn(results, first!)].join('\n- '))
