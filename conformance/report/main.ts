// Runs the cases of conformance/ on a runtime, each file by itself in a view with cgroup version 2 alone, and prints TAP.
//
// usage: RUNTIME=crun npm run proof conformance -- [--json FILE] [--here] [FILE...]      e.g. conformance/cases/lifecycle/run.test.ts
//        npx tsx conformance/report/main.ts --table NAME=FILE,FILE... [NAME=FILE...] > docs/conformance/README.md
//
// Without RUNTIME it is tsrun, of TSRUN_HOST. --here stays in the machine's own view.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { caseFiles } from '../lib/cases.ts'
import { repository } from '../lib/repository.ts'
import { runtime } from '../lib/runtime.ts'
import { differences } from './differences.ts'
import { broken, type Case, type Report, readVitest, tap } from './results.ts'
import { readStatements } from './statements.ts'
import { type Column, missingTitles, page, unexplained } from './table.ts'

const SECONDS_PER_FILE = 600

/** As inPureV2() in lib/views.ts, which is for cases. */
const PURE_V2 = 'umount -R /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup'

/** Processes of others are out of sight, and none of ours outlives the file. The shell stays to reap orphans. */
const VIEW = [
  'unshare',
  '-m',
  '-p',
  '-f',
  '--kill-child',
  '--mount-proc',
  'sh',
  '-c',
  `${PURE_V2}\n"$@"\nexit $?`,
  'view',
]

function runFile(file: string, here: boolean): Case[] {
  const directory = mkdtempSync(join(tmpdir(), 'conformance-'))
  const output = join(directory, 'results.json')
  const vitest = [
    'node_modules/.bin/vitest',
    'run',
    '--project',
    'e2e',
    '--reporter=json',
    `--outputFile=${output}`,
    file,
  ]
  const [program, ...words] = ['timeout', '-k', '5', `${SECONDS_PER_FILE}`, ...(here ? [] : VIEW), ...vitest]
  try {
    const { status } = spawnSync(program!, words, { cwd: repository, stdio: ['ignore', 'ignore', 'ignore'] })
    if (existsSync(output)) return readVitest(readFileSync(output, 'utf8'), repository)
    return [broken(file, status === 124 ? `not done after ${SECONDS_PER_FILE} s` : `vitest: exit code ${status}`)]
  } finally {
    rmSync(directory, { recursive: true })
  }
}

function runAll(files: readonly string[], here: boolean): Report {
  const cases: Case[] = []
  console.log('TAP version 14')
  for (const file of files) {
    const found = runFile(file, here)
    process.stdout.write(tap(found, cases.length + 1))
    cases.push(...found)
  }
  console.log(`1..${cases.length}`)
  const { stdout } = spawnSync(runtime.path, ['--version'], { encoding: 'utf8' })
  return { runtime: stdout.split('\n')[0]!, cases }
}

/** `NAME=FILE,FILE`: one runtime's results, of which later files replace what earlier ones say of the same case. */
function readColumn(text: string): Column {
  const [name = '', files = ''] = text.split('=')
  const reports = files.split(',').map(file => JSON.parse(readFileSync(file, 'utf8')) as Report)
  const cases = new Map<string, Case>()
  for (const one of reports.flatMap(report => report.cases)) {
    const key = `${one.file}: ${one.title}`
    // What this machine could not run, another one may have run.
    if (one.verdict !== 'skipped' || !cases.has(key)) cases.set(key, one)
  }
  return { name, report: { runtime: reports[0]!.runtime, cases: [...cases.values()] } }
}

function printTable(texts: readonly string[]): void {
  const statements = readStatements(readFileSync(join(repository, 'spec/coverage.md'), 'utf8'))
  const columns = texts.map(readColumn)
  const complaints = [
    ...missingTitles(statements, columns[0]?.report.cases ?? []).map(title => `no such case: ${title}`),
    ...unexplained(columns, differences).map(failure => `not explained: ${failure}`),
  ]
  for (const complaint of complaints) console.error(complaint)
  process.stdout.write(page(statements, columns, differences))
  if (complaints.length > 0) process.exitCode = 1
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, here: { type: 'boolean', default: false }, table: { type: 'boolean' } },
})
if (values.table) printTable(positionals)
else {
  const report = runAll(positionals.length > 0 ? positionals : caseFiles(), values.here)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, undefined, 1)}\n`)
  if (report.cases.some(({ verdict }) => verdict === 'failed')) process.exitCode = 1
}
