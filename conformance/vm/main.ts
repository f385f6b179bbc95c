// npm run test:vm, npm run vm: see README.md.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Image, prepareImage } from './image.ts'
import { type Lane, lanes } from './lanes.ts'
import { boot, repository } from './machine.ts'
import { type Counts, countsText, judgeLane, type Row, sum } from './results.ts'
import { commandTask, HOSTS, testTask } from './task.ts'

const HELP = `npm run test:vm -- [--json FILE] [LANE...]    the tests of these lanes, of all without one
npm run vm -- LANE [COMMAND...]             a command there, or a shell

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

async function testLane(lane: Lane, image: Image): Promise<Row[]> {
  const topics = lane.topics.filter(({ file }) => existsSync(join(repository, 'conformance', file)))
  const script = testTask(lane, topics.map(({ file }) => file), HOSTS)
  return withShared(script, async shared => {
    const start = Date.now()
    const seconds = () => `${Math.round((Date.now() - start) / 1000)} s`
    const code = await boot({ lane, image, shared, onLine: line => console.log(`${lane.name} ${seconds()} | ${line}`) })
    console.log(`${lane.name}: the machine ran ${seconds()}${code === undefined ? ' and ended without an answer' : ''}`)
    return judgeLane(lane, topics, HOSTS, shared)
  })
}

function printRows(lane: Lane, rows: readonly Row[]): void {
  console.log(`\n${lane.name}: ${countsText(sum(rows))}`)
  for (const row of rows) {
    console.log(`  ${row.what.padEnd(28)} ${(row.host ?? '').padEnd(7)} ${countsText(row)}`)
    for (const remark of row.remarks) console.log(`    ${remark}`)
  }
}

/** What the JSON reporter of vitest would say, for whoever adds such files. */
function writeCounts(path: string, { passed, failed, skipped }: Counts): void {
  const counts = { numPassedTests: passed, numFailedTests: failed, numPendingTests: skipped, numTodoTests: 0 }
  writeFileSync(path, JSON.stringify({ ...counts, success: failed === 0 }))
}

async function test(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: { json: { type: 'string' } }, allowPositionals: true })
  const chosen = positionals.length === 0 ? lanes : positionals.map(findLane)
  const image = prepareImage()
  const results: [Lane, Row[]][] = []
  for (const lane of chosen) results.push([lane, await testLane(lane, image)])
  for (const [lane, rows] of results) printRows(lane, rows)
  const total = sum(results.flatMap(([, rows]) => rows))
  if (values.json !== undefined) writeCounts(values.json, total)
  console.log(countsText(total))
  return total.failed === 0 ? 0 : 1
}

async function command([name, ...words]: string[]): Promise<number> {
  const lane = findLane(name ?? '')
  const script = commandTask(lane, words.length === 0 ? ['sh'] : words)
  const code = await withShared(script, shared => boot({ lane, image: prepareImage(), shared }))
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
