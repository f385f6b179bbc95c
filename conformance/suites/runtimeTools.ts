// Runs the validation programs of opencontainers/runtime-tools against runtimes and prints docs/conformance/runtime-tools.md.
//
// usage: npx tsx conformance/suites/runtimeTools.ts --suite DIRECTORY [--only PATTERN] [--json FILE] [--note TEXT]...
//                                                   [NAME=]PATH...
//
// DIRECTORY is a built source tree: see get-runtime-tools.sh. The programs need root; sandbox.sh is a place for them. The
// file has a verdict on each program for the first runtime. A note is printed above what fails with every runtime.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { RUNTIME_TOOLS } from './explained.ts'
import { namedRuntimes, report } from './report.ts'
import { type Outcome, verdicts } from './table.ts'
import { readTap } from './tap.ts'

const TIMEOUT_MS = 60_000

/** The programs, by the name of their directory. */
function programs(suite: string, only: RegExp): Map<string, string> {
  const root = join(suite, 'validation')
  const found = new Map<string, string>()
  const directories = readdirSync(root, { withFileTypes: true }).filter(entry => entry.isDirectory())
  for (const name of directories.map(entry => entry.name).sort()) {
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
  console.error(`${runtime} ${program}: ${how}: ${stderr.trim()}`) // each runtime has words of its own
  return { ...tap, failed: [how] }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    suite: { type: 'string' },
    only: { type: 'string', default: '.' },
    json: { type: 'string' },
    note: { type: 'string', multiple: true, default: [] },
  },
})
if (values.suite === undefined || positionals.length === 0) {
  console.error('usage: runtimeTools.ts --suite DIRECTORY [--only PATTERN] [NAME=]PATH...')
  process.exit(64)
}
const suite = resolve(values.suite)
const runtimes = namedRuntimes(positionals)
const results = new Map<string, Map<string, Outcome>>()
for (const [part, program] of programs(suite, new RegExp(values.only))) {
  const outcomes = new Map([...runtimes].map(([name, path]) => [name, run(suite, program, path)]))
  results.set(part, outcomes)
  console.error(part, ...[...outcomes].map(([name, { passed, failed }]) => `${name} ${passed}/${failed.length}`))
}
if (values.json !== undefined)
  writeFileSync(values.json, JSON.stringify(verdicts(results, [...runtimes.keys()][0]!, RUNTIME_TOOLS)))
const head = [
  '# The validation programs of opencontainers/runtime-tools',
  '',
  `Version ${readFileSync(join(suite, 'VERSION'), 'utf8').trim()}, by \`conformance/suites/runtimeTools.ts\`.`,
]
process.exit(report(head, results, runtimes, RUNTIME_TOOLS, values.note))
