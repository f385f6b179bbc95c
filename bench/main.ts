// npm run bench: see bench/README.md.

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bench, Interrupted, type Point } from './lib/bench.ts'
import { findBubblewrap } from './lib/bubblewrap.ts'
import { Bundles } from './lib/bundle.ts'
import { changes, changesText } from './lib/changes.ts'
import { cleanUp } from './lib/cleanup.ts'
import { gatherFacts } from './lib/facts.ts'
import { buildFloor } from './lib/floor.ts'
import { Launcher } from './lib/launcher.ts'
import { isWithin, timesTheFloor } from './lib/limit.ts'
import { helpText, type Options, parseOptions } from './lib/options.ts'
import { Progress } from './lib/progress.ts'
import type { Measurement, Results } from './lib/results.ts'
import { findRuntimes, referenceName } from './lib/runtimes.ts'
import { type CgroupLayout, repeatInView, viewedFrom } from './lib/view.ts'
import { writeResults } from './lib/write.ts'
import { points } from './points/index.ts'

const SCRIPTS = new URL('../scripts/', import.meta.url).pathname
/** In the private view /run is a file system of its own, as a state directory wants it. */
const STATE = '/run/tsrun-bench'

function chosen({ only }: Options): readonly Point[] {
  const names = points.map(({ name }) => name)
  const unknown = only.find(name => !names.includes(name))
  if (unknown !== undefined) throw new Error(`--only \`${unknown}\`: the points are ${names.join(', ')}`)
  return only.length === 0 ? points : points.filter(({ name }) => only.includes(name))
}

async function measureAll(options: Options, layout: CgroupLayout): Promise<Results> {
  const progress = new Progress()
  const directory = mkdtempSync(join(tmpdir(), 'tsrun-bench-'))
  const tag = `bench${process.pid.toString(36)}`
  const notes: string[] = []
  let interrupted = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => (interrupted = true))
  const turn = async () => {
    await new Promise(setImmediate)
    if (interrupted) throw new Interrupted()
  }
  const runtimes = findRuntimes({ ...options, state: STATE }, text => progress.say(text))
  if (!runtimes.some(({ kind }) => kind === 'tsrun'))
    throw new Error(`there is no tsrun in \`${options.dist}\`: run \`npm run build\` first`)
  try {
    const bundles = new Bundles(directory)
    const common = {
      options,
      runtimes,
      reference: referenceName(runtimes),
      floor: buildFloor(directory, STATE, text => progress.say(text)),
      bubblewrap: findBubblewrap(),
      bundles,
      bundle: bundles.make('true', ['/bin/true']),
      tag,
      directory,
      progress,
      note: (text: string) => void notes.push(text),
      turn,
    }
    const versions = Object.fromEntries(runtimes.map(({ name, version }) => [name, version]))
    const facts = gatherFacts(layout, { bundle: directory, state: STATE }, versions)
    if (facts.loadAtStart > facts.cores / 2) {
      const load = facts.loadAtStart.toFixed(2)
      notes.push(`The machine was not idle at the start: a load of ${load} on ${facts.cores} cores.`)
      progress.say(notes.at(-1)!)
    }
    const measurements: Measurement[] = []
    for (const point of chosen(options)) measurements.push(...(await measurePoint(point, common)))
    return { facts, notes, measurements }
  } finally {
    progress.end()
    cleanUp(runtimes, tag)
    rmSync(directory, { recursive: true, force: true })
  }
}

/** One point with a launcher of its own, and a clean machine afterwards. A point that fails does not end the others. */
async function measurePoint(point: Point, common: Omit<Bench, 'launcher'>): Promise<Measurement[]> {
  const launcher = new Launcher()
  try {
    return await point.measure({ ...common, launcher })
  } catch (error) {
    await common.turn()
    if (error instanceof Interrupted) throw error
    common.note(`The point \`${point.name}\` failed: ${error instanceof Error ? error.message : error}`)
    return []
  } finally {
    launcher.close()
    for (const line of cleanUp(common.runtimes, common.tag)) common.note(`After \`${point.name}\`: ${line}.`)
  }
}

/** A latest.json of an earlier sitting. Throws an error with a sentence for anything else. */
function readBefore(path: string): Results {
  let found: Partial<Results>
  try {
    found = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new Error(`--compare \`${path}\`: ${(error as Error).message}`)
  }
  if (!Array.isArray(found.measurements)) throw new Error(`--compare \`${path}\`: it has no measurements`)
  return found as Results
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(helpText(points))
    return 0
  }
  chosen(options)
  const before = options.compare === undefined ? undefined : readBefore(options.compare)
  if (process.getuid!() !== 0) throw new Error('the benchmark needs root, for all runtimes the same')
  const layout = viewedFrom()
  if (layout === undefined) {
    if (options.fetchNewer)
      execFileSync('sh', [join(SCRIPTS, 'get-newer-runtimes.sh'), options.newer], { stdio: 'inherit' })
    return repeatInView()
  }
  if (options.limit !== undefined) {
    const measure = async () => timesTheFloor(await measureAll(options, layout))
    return (await isWithin(options.limit, measure, text => console.log(text))) ? 0 : 1
  }
  const results = await measureAll(options, layout)
  mkdirSync(options.results, { recursive: true })
  process.stdout.write(await writeResults(results, options.results))
  if (before !== undefined) process.stdout.write(`\n${changesText(changes(before, results))}`)
  return 0
}

main().then(
  code => process.exit(code),
  error => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`)
    process.exit(error instanceof Interrupted ? 130 : 1)
  },
)
