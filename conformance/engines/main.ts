// npm run proof engines: all scripts of engines with tsrun and a peer, on this machine or in a root of another suite of Debian.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { repository } from '../lib/repository.ts'
import type { Outcomes, Report } from './lib/report.ts'

const HELP = `npm run proof engines -- [OPTIONS] [ENGINE...]      all engines without one
  --suite SUITE   in a root of this suite of Debian (bookworm, trixie, sid) instead of on this machine
  --root DIR      where that root is, and stays (/var/tmp/engines/SUITE)
  --only PATTERN  cases whose names match
  --alone         without the peer
  --tsrun PATH    instead of dist/tsrun
  --json FILE     all outcomes
`

/** Whom each engine is used with by default, which is the one to be compared with. */
const PEERS = {
  podman: 'crun',
  podmanRootless: 'crun',
  buildah: 'crun',
  docker: 'runc',
  swarm: 'runc',
  containerd: 'runc',
  umoci: 'runc',
} as const
type Engine = keyof typeof PEERS
/** Where Debian has them. */
const PATHS = { crun: '/usr/bin/crun', runc: '/usr/sbin/runc' } as const

const helper = (name: string) => fileURLToPath(new URL(`./lib/${name}`, import.meta.url))

/** Words before a command for it to run in the root of a suite, which is made if need be; none without a suite. */
function entering(suite: string | undefined, root: string): string[] {
  if (suite === undefined) return []
  const { status } = spawnSync('sh', [helper('suite.sh'), suite, root], { stdio: 'inherit' })
  if (status !== 0) throw new Error(`there is no root of ${suite}: the lines above tell why`)
  return ['sh', helper('enter.sh'), root, process.execPath]
}

/** What a script of an engine writes to the file of --json. */
type Judged = Report & { readonly blamed: readonly string[] }

function asEngine(name: string): Engine {
  if (name in PEERS) return name as Engine
  throw new Error(`\`${name}\`: the engines are ${Object.keys(PEERS).join(', ')}`)
}

function passed(outcomes: Outcomes): string {
  const results = Object.values(outcomes).map(({ result }) => result)
  const count = (wanted: string) => results.filter(result => result === wanted).length
  return `${count('passed')} of ${results.length - count('skipped')}`
}

/** A line for each engine. */
function table(reports: readonly Judged[]): string {
  const lines = reports.map(({ engine, versions, runtimes, blamed }) => {
    const [own, ...peers] = Object.entries(runtimes).map(([name, outcomes]) => `${name}: ${passed(outcomes)}`)
    return `| ${engine} | ${versions[0]} | ${own} | ${peers.join(', ')} | ${blamed.join('; ')} |`
  })
  const head = ['| engine | version | passed with | and with | worse with tsrun |', '| --- | --- | --- | --- | --- |']
  return [...head, ...lines].join('\n')
}

function main(): number {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { suite: text, root: text, only: text, tsrun: text, json: text, ...{ alone: flag, help: flag } },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  if (process.getuid!() !== 0) throw new Error('this needs root: it starts daemons, and makes namespaces')
  const chosen = positionals.length === 0 ? (Object.keys(PEERS) as Engine[]) : positionals.map(asEngine)
  const root = values.root ?? join('/var/tmp/engines', values.suite ?? '')
  const enter = entering(values.suite, root)
  const directory = mkdtempSync(join(tmpdir(), 'engines-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const reports: Judged[] = []
  const broken: Engine[] = []
  for (const engine of chosen) {
    const json = join(directory, `${engine}.json`)
    const peer = PEERS[engine]
    const words = [
      ...[...enter, process.execPath, ...process.execArgv, helper(`../${engine}.ts`), '--json', json],
      ...(values.only === undefined ? [] : ['--only', values.only]),
      ...[`tsrun=${values.tsrun ?? 'dist/tsrun'}`, ...(values.alone ? [] : [`${peer}=${PATHS[peer]}`])],
    ]
    const ending = spawnSync(words[0]!, words.slice(1), { cwd: repository, stdio: 'inherit' })
    if (existsSync(json)) reports.push(JSON.parse(readFileSync(json, 'utf8')) as Judged)
    if (ending.status !== 0) broken.push(engine)
  }
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(reports, null, 2)}\n`)
  console.log(`\n${values.suite ?? 'this machine'}:\n\n${table(reports)}`)
  if (broken.length > 0) console.log(`\nto be looked at: ${broken.join(', ')}`)
  return broken.length === 0 ? 0 : 1
}

process.exitCode = main()
