// npm run test:vm, npm run vm: see README.md.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Image, prepareImage } from './image.ts'
import { defaultLanes, type Lane, lanes } from './lanes.ts'
import { boot, CPUS } from './machine.ts'
import { type Counts, countsText, figuresTable, judgeLane, type Row, sum, UNSTEADY } from './results.ts'
import { commandTask, testTask } from './task.ts'

const HELP = `npm run test:vm -- [OPTIONS] [LANE...]    the tests of these lanes, without one of all for this processor
  --json FILE        writes the counts there, as vitest does
  --machines N       so many at the same time
  --kernel SUITE     with the newest kernel of that suite of Debian, \`sid\` for instance
  --timeout SECONDS  for each lane, instead of its own
npm run vm -- [--kernel SUITE] LANE [COMMAND...]      a command there, or a shell

${lanes.map(({ name, summary }) => `${name.padEnd(10)}${summary}`).join('\n')}
`

function findLane(name: string): Lane {
  const lane = lanes.find(lane => lane.name === name)
  if (lane === undefined) throw new Error(`\`${name}\`: the lanes are ${lanes.map(({ name }) => name).join(', ')}`)
  return lane
}

/** Does something with a directory to be shared with a machine, which is gone afterwards. */
async function withShared<T>(script: string, use: (shared: string) => Promise<T>): Promise<T> {
  const shared = mkdtempSync(join(tmpdir(), 'tsrun-vm-'))
  const remove = () => rmSync(shared, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    writeFileSync(join(shared, 'task.sh'), script)
    return await use(shared)
  } finally {
    remove()
    process.off('exit', remove)
  }
}

interface Tested {
  readonly rows: readonly Row[]
  readonly figures: readonly string[]
  readonly seconds: number
}

/** One boot with all tests of the lane. */
async function testLane(lane: Lane, image: Image): Promise<Tested> {
  return withShared(testTask(lane), async shared => {
    const start = Date.now()
    const seconds = () => Math.round((Date.now() - start) / 1000)
    const say = (text: string) => console.log(`${lane.name} ${seconds()} s | ${text}`)
    const code = await boot({ lane, image, shared, onLine: say })
    say(code === undefined ? 'the machine ended, or was ended, before its task' : 'the machine is off')
    return { rows: judgeLane(lane, shared), figures: figuresTable(shared), seconds: seconds() }
  })
}

/** As many as have processors and memory. */
function machinesAtOnce(): number {
  return Math.max(1, Math.floor(Math.min(availableParallelism() / CPUS, totalmem() / (4 * 2 ** 30))))
}

/** Does something with each item, with some of them at the same time. Gives the results in the order of the items. */
async function inParallel<T, R>(items: readonly T[], atOnce: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const index = next++
      results[index] = await work(items[index]!)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

function printLane(lane: Lane, { rows, figures, seconds }: Tested): void {
  console.log(`\n${lane.name}: ${countsText(sum(rows))}, ${seconds} s`)
  for (const row of rows) {
    console.log(`  ${row.what.padEnd(28)} ${row.host.padEnd(7)} ${countsText(row)}`)
    for (const remark of row.remarks) console.log(`    ${remark}`)
  }
  for (const line of figures) console.log(`  ${line}`)
}

/** What the JSON reporter of vitest would say, for whoever adds such files, with the remarks on what failed or was unsteady. */
function writeCounts(path: string, { passed, failed, skipped }: Counts, rows: readonly Row[]): void {
  const counts = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0 }
  const remarks = (unsteady: boolean) =>
    rows.flatMap(row =>
      row.remarks
        .filter(remark =>
          unsteady ? remark.startsWith(UNSTEADY) : row.failed > 0 && !/^(unsteady|skipped): /.test(remark),
        )
        .map(remark => `${row.what} on ${row.host}: ${remark}`),
    )
  const told = { failures: remarks(false), unsteady: remarks(true) }
  writeFileSync(path, JSON.stringify({ ...counts, ...told, success: failed === 0 }))
}

async function test(args: string[]): Promise<number> {
  const text = { type: 'string' } as const
  const options = { json: text, kernel: text, machines: text, timeout: text }
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  const chosen = (positionals.length === 0 ? defaultLanes() : positionals.map(findLane)).map(lane => ({
    ...lane,
    timeout: Number(values.timeout ?? lane.timeout),
  }))
  const work = chosen.map(lane => ({ lane, image: prepareImage(lane, values.kernel) }))
  const atOnce = Number(values.machines ?? machinesAtOnce())
  const results = await inParallel(work, atOnce, ({ lane, image }) => testLane(lane, image))
  for (const [index, lane] of chosen.entries()) printLane(lane, results[index]!)
  const rows = results.flatMap(({ rows }) => rows)
  const total = sum(rows)
  if (values.json !== undefined) writeCounts(values.json, total, rows)
  console.log(countsText(total))
  return total.failed === 0 ? 0 : 1
}

async function command(args: string[]): Promise<number> {
  const [suite, [name = '', ...words]] = args[0] === '--kernel' ? [args[1], args.slice(2)] : [undefined, args]
  const lane = findLane(name)
  const script = commandTask(lane, words.length === 0 ? ['sh'] : words)
  const code = await withShared(script, shared => boot({ lane, image: prepareImage(lane, suite), shared }))
  return code ?? 1
}

async function main([verb, ...args]: string[]): Promise<number> {
  if (args.includes('--help') || (verb !== 'test' && verb !== 'shell') || (verb === 'shell' && args.length === 0)) {
    process.stdout.write(HELP)
    return 0
  }
  if (process.getuid!() !== 0) throw new Error('this needs root: the machine sees the files of this one')
  return verb === 'test' ? test(args) : command(args)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
main(process.argv.slice(2)).then(
  code => process.exit(code),
  error => {
    process.stderr.write(`vm: ${error instanceof Error ? error.message : error}\n`)
    process.exit(1)
  },
)
