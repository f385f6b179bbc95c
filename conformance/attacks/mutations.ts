// npm run proof mutations [-- --only TEXT...]: takes each defence of list.ts away in a copy of the source, builds that, and runs the
// test of the attack on it, which has to fail. `--parts N` takes one of N parts of the list, another one each day. `--table`
// prints the table of docs/security.md instead. With TSRUN_HOST=static it builds the static binary, else the command on Node.js.

import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { repository } from '../lib/repository.ts'
import { type Attack, attacks, type Edit, type Mutation, securityTable, type Test } from './list.ts'

const COPIED = [
  'src',
  'native',
  'testing',
  'spec',
  'scripts',
  'conformance',
  'package.json',
  'tsconfig.json',
  'vitest.config.ts',
]
const TIMEOUT_MS = 300_000

/** Whether one of the many rounds of a race is won is a matter of chance: so often a test of them may miss a defence that is gone. */
const TRIES_OF_A_RACE = 3

const isStatic = process.env['TSRUN_HOST'] === 'static'

/** The source with what a mutation changes; `built` is the command that was made of it. */
class Copy implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'mutation-'))
  readonly built = join(this.directory, isStatic ? 'dist/tsrun' : 'dist/node/tsrun')

  constructor() {
    chmodSync(this.directory, 0o755) // an unprivileged user runs it, too
    for (const name of COPIED) cpSync(join(repository, name), join(this.directory, name), { recursive: true })
    symlinkSync(join(repository, 'node_modules'), join(this.directory, 'node_modules'))
  }

  change({ file, from, to }: Edit): void {
    const path = join(this.directory, file)
    const text = readFileSync(path, 'utf8')
    if (text.split(from).length !== 2) throw new Error(`${file}: is not there exactly once: ${from}`)
    writeFileSync(
      path,
      text.replace(from, () => to),
    )
  }

  /** The command, and the library when tests need that. */
  build(library: boolean): void {
    const built = [
      isStatic
        ? "import('./scripts/buildStatic.ts').then(({ buildBinary }) => buildBinary())"
        : "import('./scripts/buildCommand.ts').then(({ buildCommand }) => buildCommand('dist/node'))",
    ]
    if (library) built.push("import('./scripts/buildLibrary.ts').then(({ buildLibrary }) => buildLibrary('dist'))")
    const script = built.join('\n')
    execFileSync(process.execPath, ['--import', 'tsx', '-e', script], { cwd: this.directory, stdio: 'inherit' })
  }

  /** How many tests of that name passed and failed. */
  run({ project, file, name, rounds }: Test): { passed: number; failed: number } {
    const output = join(this.directory, 'results.json')
    rmSync(output, { force: true })
    const words = ['run', '--project', project, file, '-t', name, '--reporter=json', `--outputFile=${output}`]
    // Without CI, in which what fails is tried again: a defence that is gone has to be missed at once.
    const env = { ...process.env, CI: '', RUNTIME: this.built, ...(rounds && { EXCHANGED_ROUNDS: `${rounds}` }) }
    const options = { cwd: this.directory, env, timeout: TIMEOUT_MS } as const
    spawnSync(join(repository, 'node_modules/.bin/vitest'), words, {
      ...options,
      stdio: 'ignore',
      killSignal: 'SIGKILL',
    })
    if (!existsSync(output)) return { passed: 0, failed: 0 }
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(output, 'utf8')) as Record<string, number>
    return { passed: numPassedTests!, failed: numFailedTests! }
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** True when every test of the list does what it should: pass without the mutation, fail with it. */
function prove(mutation: Mutation | undefined, list: readonly Attack[]): boolean {
  using copy = new Copy()
  for (const edit of mutation?.edits ?? []) copy.change(edit)
  copy.build(list.some(({ test }) => test.file.includes('/library')))
  return list
    .map(({ ids, test }) => {
      let { passed, failed } = copy.run(test)
      const tries = mutation !== undefined && test.rounds !== undefined ? TRIES_OF_A_RACE : 1
      for (let again = 1; again < tries && failed === 0; again += 1) ({ passed, failed } = copy.run(test))
      const right = mutation === undefined ? failed === 0 && passed > 0 : failed > 0
      const what = mutation?.name ?? 'as it is'
      console.log(`${right ? 'right' : 'WRONG'}  ${ids.join(', ')}  ${what}: ${passed} passed, ${failed} failed`)
      return right
    })
    .every(Boolean)
}

const DAY_MS = 86_400_000

/** Is it the turn of the entry at `index`, when each day takes one of so many parts? */
function isToday(index: number, parts: number): boolean {
  return index % parts === Math.floor(Date.now() / DAY_MS) % parts
}

function main(): number {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: { only: { ...text, multiple: true }, parts: text, table: { type: 'boolean' } },
  })
  if (values.table) {
    process.stdout.write(securityTable())
    return 0
  }
  const { only } = values
  const chosen = attacks.filter(
    ({ ids, mutation }) => only?.some(text => [mutation.name, ...ids].some(name => name.includes(text))) ?? true,
  )
  const parts = Number(values.parts ?? 1)
  const mutations = [...new Set(chosen.map(({ mutation }) => mutation))].filter((_, index) => isToday(index, parts))
  const results = [undefined, ...mutations].map(mutation =>
    prove(
      mutation,
      chosen.filter(attack =>
        mutation === undefined ? mutations.includes(attack.mutation) : attack.mutation === mutation,
      ),
    ),
  )
  return results.every(Boolean) ? 0 : 1
}

process.exitCode = main()
