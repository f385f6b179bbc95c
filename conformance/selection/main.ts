// npm run proof selection: see README.md.

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { repository } from '../lib/repository.ts'
import { asVitest, type Counts, judge, sum } from './counts.ts'
import { isolated } from './isolate.ts'
import { added, type Inventory, inventory, removeCgroups } from './left.ts'
import { type Entry, entries } from './table.ts'

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '.' },
    json: { type: 'string' },
    minutes: { type: 'string', default: 'Infinity' },
    alone: { type: 'boolean', default: false },
  },
})

/** --minutes is the time for all: entries for which there is none are left out, and count as skipped. */
const end = performance.now() + Number(options.minutes) * 60_000
const secondsLeft = () => (end - performance.now()) / 1000

/** What is new after a while, in which kernel and shell clear away. */
async function leftSince(before: Inventory): Promise<string[]> {
  let left = added(before, inventory())
  for (let attempt = 0; attempt < 30 && left.length > 0; attempt += 1) {
    await wait(100)
    left = added(before, inventory())
  }
  return left
}

interface Proof {
  readonly counts: Counts
  readonly remarks: readonly string[]
  readonly output: string
}

/** `seconds` is what is left of the time for all, if that is less than the entry may take. */
async function prove(entry: Entry, directory: string, seconds: number): Promise<Proof> {
  const place = { directory, json: join(directory, 'results.json') }
  const before = inventory()
  const ending = await isolated(entry.command(place), {
    cwd: repository,
    env: { ...process.env, ...entry.environment?.(place) },
    seconds,
    file: join(directory, 'processes'),
  })
  if ((ending.hung || entry.wrongOnPurpose) && options.alone) removeCgroups(before)
  // On a machine that others use, too, nobody knows whose it is.
  const things = options.alone ? await leftSince(before) : []
  if (ending.hung && seconds < entry.seconds) return leftOut(`cut short after ${seconds.toFixed(0)} s`)
  const left = entry.wrongOnPurpose ? [] : [...ending.processes.map(words => `process: ${words}`), ...things]
  const json = existsSync(place.json) ? JSON.parse(readFileSync(place.json, 'utf8')) : undefined
  rmSync(place.json, { force: true })
  return {
    counts: judge(entry.count, { ...ending, json }, left),
    remarks: [
      ...(ending.hung ? [`not done after ${entry.seconds} s`] : []),
      ...(!ending.hung && ending.status !== 0 ? [`exit code ${ending.status}`] : []),
      ...left.map(what => `left behind: ${what}`),
    ],
    output: ending.output,
  }
}

/** What there was no time for says nothing, good or bad: a slow machine is no fault. */
function leftOut(why: string): Proof {
  return { counts: { passed: 0, failed: 0, skipped: 1 }, remarks: [why], output: '' }
}

/** Less than the shortest entry takes. */
const TOO_SHORT_S = 20

/** Who took longer is not tried again: the time of the others would be over. */
const BRIEF_MS = 100_000

/** As `prove`, and once more when it failed: this machine and the engines' own races are not steady. What failed then stays. */
async function proveTwice(entry: Entry, directory: string): Promise<Proof> {
  const seconds = () => Math.min(entry.seconds, secondsLeft())
  if (seconds() < TOO_SHORT_S) return leftOut('no time was left')
  const start = Date.now()
  const first = await prove(entry, directory, seconds())
  if (first.counts.failed === 0 || Date.now() - start > BRIEF_MS) return first
  console.log(`${entry.name}: ${words(first.counts)}; once more`)
  printTrouble(first)
  return seconds() < TOO_SHORT_S ? first : prove(entry, directory, seconds())
}

function printTrouble({ remarks, output }: Proof): void {
  for (const remark of remarks) console.log(`  ${remark}`)
  console.log(output.replace(/^/gm, '  | '))
}

const words = ({ passed, failed, skipped }: Counts) => `${passed} passed, ${failed} failed, ${skipped} skipped`

/** Those that name what went wrong, as the scripts and vitest say it; without any, the last ones. */
function linesOfFailure(output: string): string[] {
  const lines = output.trimEnd().split('\n')
  const wrong = lines.filter(line => line.startsWith('WRONG'))
  const telling = wrong.length > 0 ? wrong : lines.filter(line => /\bfail|FAIL|[Ee]rror/.test(line))
  return telling.length > 0 ? telling.slice(0, 12) : lines.slice(-6)
}

/** For as long as not all is done, there is a failure more: whoever ends this early is not to read of success. */
const UNFINISHED: Counts = { passed: 0, failed: 1, skipped: 0 }

function write(counts: Counts, failures: readonly string[]): void {
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(asVitest(counts, failures)))
}

async function main(directory: string): Promise<number> {
  const chosen = entries.filter(({ name }) => new RegExp(options.only).test(name))
  if (chosen.length === 0) throw new Error(`--only: there are ${entries.map(({ name }) => name).join('; ')}`)
  const broken = new Set<string>()
  const total: Counts[] = []
  const failures: string[] = []
  for (const entry of chosen) {
    if (entry.after !== undefined && broken.has(entry.after)) {
      console.log(`${entry.name}: left out, since \`${entry.after}\` failed`)
      broken.add(entry.name)
      continue
    }
    write(sum([...total, UNFINISHED]), [...failures, `${entry.name}: not done when the time was over`])
    const start = Date.now()
    const proof = await proveTwice(entry, directory)
    const { counts, remarks, output } = proof
    total.push(counts)
    console.log(`${entry.name}: ${words(counts)}, ${((Date.now() - start) / 1000).toFixed(0)} s`)
    if (counts.failed === 0) {
      for (const remark of remarks) console.log(`  ${remark}`)
      continue
    }
    broken.add(entry.name)
    printTrouble(proof)
    failures.push([entry.name, ...remarks, ...linesOfFailure(output)].join('\n'))
  }
  const all = sum(total)
  write(all, failures)
  console.log(words(all))
  return all.failed === 0 ? 0 : 1
}

const directory = mkdtempSync(join(tmpdir(), 'selection-'))
chmodSync(directory, 0o755)
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
process.exitCode = await main(directory)
