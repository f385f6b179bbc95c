// Runs runc's integration tests (bats files) against runtimes and prints docs/conformance/runc-bats.md.
//
// usage: npx tsx conformance/suites/runcBats.ts --suite DIRECTORY [--only PATTERN] [--layer DIRECTORY]... [--logs DIRECTORY]
//                                               [--limit SECONDS] [--note TEXT]... [NAME=]PATH...
//
// DIRECTORY is a source tree with what the tests need: see get-runc-bats.sh; its DIRECTORY/.layer and each --layer are laid
// over the sandbox in which everything runs. A file is ended after the limit. A note is printed above what fails with every
// runtime.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runBatsSuite } from './bats.ts'
import { RUNC_BATS } from './explained.ts'

const head = (source: string) => [
  '# The integration tests of runc',
  '',
  `Of runc ${readFileSync(join(source, 'VERSION'), 'utf8').trim()}, by \`conformance/suites/runcBats.ts\`, as root, without systemd, with`,
  'cgroup version 2 alone.',
]

process.exit(
  runBatsSuite({
    ...{ runner: 'runc-bats.sh', variable: 'RUNC', tests: 'tests/integration' },
    ...{ head, explained: RUNC_BATS },
  }),
)
