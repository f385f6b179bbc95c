// Runs podman's system tests (bats files) with runtimes and prints docs/conformance/podman-bats.md.
//
// usage: npx tsx conformance/suites/podmanBats.ts --suite DIRECTORY [--root DIRECTORY] [--only PATTERN] [--tests PATTERN]
//                                                 [--logs DIRECTORY] [--limit SECONDS] [--note TEXT]... [NAME=]PATH...
//
// --suite is what get-podman-bats.sh has made, --root the root file system whose podman is tested (the machine's without it):
// that which `npm run proof engines -- --suite sid` makes. A runtime may be a file in it. --only chooses files, --tests names of
// tests. Without --only these are the files in which a runtime has a part; those about images, registries, systemd, networks
// and the command line of podman itself are not.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runBatsSuite } from './bats.ts'
import { PODMAN_BATS } from './explained.ts'
import { command } from './otherRoot.ts'

const CONCERNED =
  '^(005|030|032|035|040|045|050|055|060|065|070|075|080|085|130|140|160|170|180|190|195|200|220|260|280|400|420|' +
  '450|520|610|700|710)'
if (!process.argv.includes('--only')) process.argv.push('--only', CONCERNED)

function podmanVersion(root: string | undefined): string {
  const [program, ...words] = command(root === undefined ? 'podman' : `${root}/usr/bin/podman`, root)
  return spawnSync(program, [...words, '--version'], { encoding: 'utf8' }).stdout.trim()
}

const head = (source: string, root: string | undefined) => [
  '# The system tests of podman',
  '',
  `Those of podman ${readFileSync(join(source, 'VERSION'), 'utf8').trim()} on ${podmanVersion(root)}, by \`conformance/suites/podmanBats.ts\`,`,
  'as root, without systemd, with cgroup version 2 alone, and without a registry. podman is told that the runtime is called crun.',
]

process.exit(
  runBatsSuite({
    ...{ runner: 'podman-bats.sh', variable: 'RUNTIME', tests: 'test/system' },
    ...{ head, explained: PODMAN_BATS },
  }),
)
