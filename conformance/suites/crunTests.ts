// Runs crun's own tests against runtimes and prints docs/conformance/crun-tests.md.
//
// usage: npx tsx conformance/suites/crunTests.ts --suite DIRECTORY [--only PATTERN] [--logs DIRECTORY] [--note TEXT]...
//                                                [NAME=]PATH...
//
// DIRECTORY is a source tree with the program of the containers: see fetch.sh and build-crun-tests.sh. python3 is the
// machine's; from 3.12 on it has what the tests of network devices need. A note is printed above what fails with every
// runtime. In a machine with all controllers and systemd (conformance/vm) crun-tests.sh can be called as it is.

import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CRUN_TESTS } from './explained.ts'
import { namedRuntimes, report } from './report.ts'
import { runPart } from './runPart.ts'
import type { Outcome } from './table.ts'

const SANDBOX = join(import.meta.dirname, './sandbox.sh')
const RUNNER = join(import.meta.dirname, './crun-tests.sh')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    suite: { type: 'string' },
    only: { type: 'string', default: '.' },
    logs: { type: 'string' },
    note: { type: 'string', multiple: true, default: [] },
  },
})
if (values.suite === undefined || positionals.length === 0) {
  console.error('usage: crunTests.ts --suite DIRECTORY [--only PATTERN] [NAME=]PATH...')
  process.exit(64)
}
const suite = resolve(values.suite)
const tests = join(suite, 'tests')

/** A file that did not come to its end has failed as a whole, too. */
function run(file: string, runtime: string, log: string): Outcome {
  const words = [SANDBOX, 'sh', RUNNER, join(tests, file)]
  const env = { OCI_RUNTIME: runtime, INIT: join(tests, 'init') }
  const { tap, status, signal } = runPart({ words, env, log, logs: values.logs })
  return status === 0 ? tap : { ...tap, failed: [...tap.failed, `ends with ${signal ?? status}`] }
}

const only = new RegExp(values.only)
const runtimes = namedRuntimes(positionals)
const results = new Map<string, Map<string, Outcome>>()
for (const file of readdirSync(tests).sort()) {
  const part = /^test_(.*)\.py$/.exec(file)?.[1]
  if (part === undefined || !only.test(part)) continue
  const outcomes = new Map([...runtimes].map(([name, path]) => [name, run(file, path, `${part}.${name}.tap`)]))
  results.set(part, outcomes)
  console.error(part, ...[...outcomes].map(([name, { passed, failed }]) => `${name} ${passed}/${failed.length}`))
}
const version = /crun-(\S+)/.exec(readFileSync(join(suite, 'NEWS'), 'utf8'))?.[1]
const head = [
  '# The tests of crun',
  '',
  `Those of crun ${version}, by \`conformance/suites/crunTests.ts\`, as root, without systemd, with cgroup version 2 alone.`,
]
process.exit(report(head, results, runtimes, CRUN_TESTS, values.note))
