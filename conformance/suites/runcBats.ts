// Runs runc's integration tests (bats files) against runtimes and prints a table.
//
// usage: npx tsx conformance/suites/runcBats.ts --suite DIRECTORY [--only PATTERN] [--layer DIRECTORY]... [--logs DIRECTORY]
//                                               [NAME=]PATH...
//
// DIRECTORY is a source tree with what the tests need: see fetch.sh and build-runc-bats.sh. bats, jq and gcc are the
// machine's, or those of a --layer of sandbox.sh, in which everything runs.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { RUNC_BATS } from './explained.ts'
import { report } from './report.ts'
import type { Outcome } from './table.ts'
import { readTap } from './tap.ts'

const TIMEOUT_S = 300
const SANDBOX = join(import.meta.dirname, 'sandbox.sh')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    suite: { type: 'string' },
    only: { type: 'string', default: '.' },
    layer: { type: 'string', multiple: true, default: [] },
    logs: { type: 'string' },
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
  const bats = ['timeout', '-k', '5', String(TIMEOUT_S), 'bats', '--tap', join(suite, 'tests/integration', `${file}.bats`)]
  const { stdout, stderr, status, signal } = spawnSync('sh', [SANDBOX, ...layers, ...bats], {
    env: { PATH: process.env['PATH'], HOME: '/root', RUNC: runtime },
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  if (values.logs !== undefined) {
    mkdirSync(values.logs, { recursive: true })
    writeFileSync(join(values.logs, log), `${stdout}${stderr}`)
  }
  const tap = readTap(stdout)
  if (status === 0 || (status === 1 && tap.failed.length > 0)) return tap
  return { ...tap, failed: [...tap.failed, status === 124 ? `no end in ${TIMEOUT_S} s` : `${signal ?? status}`] }
}
