// Runs podman's system tests (bats files) with runtimes and prints docs/conformance/podman-bats.md.
//
// usage: npx tsx conformance/suites/podmanBats.ts --suite DIRECTORY [--only PATTERN] [--logs DIRECTORY] [--limit SECONDS]
//                                                 [--note TEXT]... [NAME=]PATH...
//
// DIRECTORY is what get-podman-bats.sh has made. Without --only these are the files in which a runtime has a part; those
// about images, registries, systemd, networks and the command line of podman itself are not.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runBatsSuite } from './bats.ts'
import { PODMAN_BATS } from './explained.ts'

const CONCERNED =
  '^(030-run|032|035|040|045|050|055|060|065|070|075|080|130|140|160|170|180|190|200|260|280|400|420|450|520|700)'
if (!process.argv.includes('--only')) process.argv.push('--only', CONCERNED)

const head = (source: string) => [
  '# The system tests of podman',
  '',
  `Of podman ${readFileSync(join(source, 'VERSION'), 'utf8').trim()}, by \`conformance/suites/podmanBats.ts\`, as root, without systemd, with`,
  'cgroup version 2 alone, and without a registry.',
]

process.exit(
  runBatsSuite({
    ...{ runner: 'podman-bats.sh', variable: 'RUNTIME', tests: 'test/system' },
    ...{ head, explained: PODMAN_BATS },
  }),
)
