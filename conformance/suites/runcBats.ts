// Runs runc's integration tests (bats files) against runtimes and prints docs/conformance/runc-bats.md.
//
// usage: npx tsx conformance/suites/runcBats.ts --suite DIRECTORY [--only PATTERN] [--layer DIRECTORY]... [--logs DIRECTORY]
//                                               [--limit SECONDS] [--note TEXT]... [NAME=]PATH...
//
// DIRECTORY is a source tree with what the tests need: see get-runc-bats.sh; its DIRECTORY/.layer is a --layer of sandbox.sh,
// in which everything runs. A file is ended after the limit. A note is printed above what fails with every
// runtime.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { RUNC_BATS } from './explained.ts'
import { namedRuntimes, report } from './report.ts'
import { HANGS, type Outcome } from './table.ts'
import { readTap } from './tap.ts'

const RUNNER = join(import.meta.dirname, './runc-bats.sh')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    suite: { type: 'string' },
    only: { type: 'string', default: '.' },
    layer: { type: 'string', multiple: true, default: [] },
    logs: { type: 'string' },
    limit: { type: 'string', default: '300' },
    note: { type: 'string', multiple: true, default: [] },
  },
})
if (values.suite === undefined || positionals.length === 0) {
  console.error('usage: runcBats.ts --suite DIRECTORY [--only PATTERN] [--layer DIRECTORY]... [NAME=]PATH...')
  process.exit(64)
}
const suite = resolve(values.suite)
const layers = values.layer.flatMap(directory => ['--layer', resolve(directory)])

/** A file that did not come to its end has failed as a whole, too. */
function run(file: string, runtime: string, log: string): Outcome {
  const { stdout, stderr, status, signal } = spawnSync('sh', [RUNNER, join(tests, file), ...layers], {
    env: { PATH: process.env['PATH'], HOME: '/root', RUNC: runtime, LIMIT: values.limit },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  if (values.logs !== undefined) {
    mkdirSync(values.logs, { recursive: true })
    writeFileSync(join(values.logs, log), `${stdout}${stderr}`)
  }
  const tap = readTap(stdout)
  if (status === 0 || (status === 1 && tap.failed.length > 0)) return tap
  return { ...tap, failed: [...tap.failed, status === 124 ? HANGS : `ends with ${signal ?? status}`] }
}

const tests = join(suite, 'tests/integration')
const only = new RegExp(values.only)
const runtimes = namedRuntimes(positionals)
const results = new Map<string, Map<string, Outcome>>()
for (const file of readdirSync(tests).sort()) {
  const part = basename(file, '.bats')
  if (part === file || !only.test(part)) continue
  const outcomes = new Map([...runtimes].map(([name, path]) => [name, run(file, path, `${part}.${name}.tap`)]))
  results.set(part, outcomes)
  console.error(part, ...[...outcomes].map(([name, { passed, failed }]) => `${name} ${passed}/${failed.length}`))
}
const head = [
  '# The integration tests of runc',
  '',
  `Of runc ${readFileSync(join(suite, 'VERSION'), 'utf8').trim()}, by \`conformance/suites/runcBats.ts\`, as root, without systemd, with`,
  'cgroup version 2 alone.',
]
process.exit(report(head, results, runtimes, RUNC_BATS, values.note))
