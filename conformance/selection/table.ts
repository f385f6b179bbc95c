// The proofs of the selection: enough of each to notice when something breaks, in minutes.

import { homedir } from 'node:os'
import { join } from 'node:path'
import { caseFile } from '../lib/cases.ts'
import {
  asPreparation,
  type Counter,
  engineCases,
  engineReports,
  fuzz,
  loadRows,
  mutations,
  reportCases,
  suiteParts,
} from './counts.ts'

/** Where an entry finds and leaves files. */
export interface Place {
  /** Shared by all entries of a run. */
  readonly directory: string
  /** For --json of the entry. */
  readonly json: string
}

export interface Entry {
  readonly name: string
  command(place: Place): readonly string[]
  environment?(place: Place): Readonly<Record<string, string>>
  /** How long it may take: some times what it does take. */
  readonly seconds: number
  readonly count: Counter
  /** It runs what is wrong on purpose: what stays there says nothing, and goes. */
  readonly wrongOnPurpose?: true
  /** The name of an entry before, without which there is no point in this one. */
  readonly after?: string
}

const STATIC = 'dist/tsrun'
const NODE = 'dist/node/tsrun'
const TSX = 'node_modules/.bin/tsx'

/** Those of Debian's stable suite, which does not change: old enough to be there, new enough to agree with. */
const PEERS_SUITE = 'trixie'
const peers = ({ directory }: Place) => `${directory}/peers`
const suite = ({ directory }: Place) => `${directory}/runtime-tools`

/** A root of Debian's newest suite with its engines, for this time and others: it stays, and is not made again. */
const NEWEST_SUITE = 'sid'
const newestRoot = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tsrun/engines', NEWEST_SUITE)

/** A script of conformance/engines with tsrun alone, and a CRIU that knows newer kernels. */
function engine(script: string, seconds: number, runtime = STATIC, only = '.'): Entry {
  return {
    name: only === '.' ? script : `${script}, ${runtime}`,
    command: ({ json }) => [
      TSX,
      `conformance/engines/${script}.ts`,
      '--json',
      json,
      '--only',
      only,
      `tsrun=${runtime}`,
    ],
    environment: place => ({ CRIU: `${peers(place)}/criu` }),
    seconds,
    count: engineCases,
  }
}

/** Cases of conformance/cases in a view of their own, see conformance/report. */
function report(what: string, cases: readonly string[], seconds: number): Entry {
  return {
    name: `report, ${what}`,
    command: ({ json }) => [...[TSX, 'conformance/report/main.ts', '--json', json], ...cases.map(caseFile)],
    environment: place => ({ TSRUN_HOST: 'static', CRIU: `${peers(place)}/criu` }),
    seconds,
    count: reportCases,
  }
}

function fuzzer(name: string, minutes: string, words: (place: Place) => readonly string[], after?: string): Entry {
  return {
    name: `fuzz: ${name}`,
    command: place => [TSX, 'conformance/fuzz/main.ts', '--minutes', minutes, ...words(place)],
    seconds: 240,
    count: fuzz,
    ...(after !== undefined && { after }),
  }
}

/** Cases about cgroups, devices and mounts, for a view in which version 2 is all there is. */
const REPORT = [
  'cgroup',
  'deviceFilterUpdate',
  'devices',
  'hooks',
  'lifecycle',
  'mounts',
  'namespaces',
  'pause',
  'update',
]

const REST = 'pod|checkpoint|userns|unit|kube|healthcheck|secret|overlay|cp both|restart'

/** Without what is about cgroup version 1, or waits for minutes. */
const PROGRAMS = '^(?!linux_cgroups|delete)'

export const entries: readonly Entry[] = [
  {
    name: 'peers',
    command: place => ['sh', 'scripts/get-newer-runtimes.sh', peers(place)],
    environment: () => ({ SUITE: PEERS_SUITE }),
    seconds: 300,
    count: asPreparation,
  },
  engine('umoci', 180),
  engine('buildah', 240),
  engine('containerd', 240),
  engine('docker', 400),
  // What compatibility/podman.test.ts has not tried with the same podman.
  engine('podman', 240, STATIC, REST),
  engine('podman', 240, NODE, 'userns|mount|unit'),
  {
    name: `root of ${NEWEST_SUITE}`,
    command: () => ['sh', 'conformance/engines/lib/suite.sh', NEWEST_SUITE, newestRoot],
    seconds: 300,
    count: asPreparation,
  },
  {
    name: `podman of ${NEWEST_SUITE}`,
    command: ({ json }) => [
      ...[TSX, 'conformance/engines/main.ts', '--suite', NEWEST_SUITE, '--root', newestRoot],
      // Restored programs that end at once are a failure of CRIU's, as docs/engines/results.md has it: with crun, too.
      ...['--only', '^(?!checkpoint)', '--alone', '--tsrun', STATIC, '--json', json, 'podman'],
    ],
    seconds: 400,
    count: engineReports,
    after: `root of ${NEWEST_SUITE}`,
  },
  engine('podmanRootless', 400),
  report('cgroup version 2 alone', REPORT, 400),
  report('with a CRIU that knows this kernel', ['checkpoint', 'restore'], 200),
  fuzzer(
    'crun and runc agree',
    '0.7',
    // A fixed number: what a faster machine would meet further on is for `npm run proof fuzz`.
    place => [
      '--seed',
      '1',
      '--count',
      '100',
      ...['crun', 'runc'].flatMap(name => ['--peer', `${peers(place)}/${name}`]),
    ],
    'peers',
  ),
  fuzzer('both hosts agree', '0.3', () => ['--seed', '2', '--subject', NODE, '--peer', STATIC]),
  fuzzer('wrong configurations', '0.2', () => ['--seed', '3', '--invalid']),
  {
    name: 'load: kills and races',
    command: () => [TSX, 'conformance/load/main.ts', '--minutes', '0.7', '--only', 'kills', '--only', 'races'],
    environment: () => ({ TSRUN_HOST: 'static' }),
    seconds: 200,
    count: loadRows,
  },
  {
    name: 'mutations, the part of today',
    command: () => [TSX, 'conformance/attacks/mutations.ts', '--parts', '15'],
    seconds: 400,
    count: mutations,
    wrongOnPurpose: true,
  },
  {
    name: 'runtime-tools: build',
    command: place => ['sh', 'conformance/suites/get-runtime-tools.sh', suite(place)],
    environment: () => ({ SUITE: PEERS_SUITE }),
    seconds: 300,
    count: asPreparation,
    after: 'peers',
  },
  {
    name: 'runtime-tools',
    command: place => [
      ...['sh', 'conformance/suites/sandbox.sh', '--keep', place.directory, TSX, 'conformance/suites/runtimeTools.ts'],
      ...['--suite', suite(place), '--only', PROGRAMS, '--json', place.json],
      ...[`tsrun=${STATIC}`, `runc=${peers(place)}/runc`],
    ],
    seconds: 400,
    count: suiteParts,
    after: 'runtime-tools: build',
  },
]
