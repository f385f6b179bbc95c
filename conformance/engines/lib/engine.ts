// What the scripts of engines share: a list of cases is run with each runtime, in a world of its own, and makes a table.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { whyNot as whyNoCriu } from '../../lib/criu.ts'
import { run } from '../../lib/run.ts'
import { type Case, judge, type Need, type Outcome } from './case.ts'
import { install } from './packages.ts'
import { markdown, type Outcomes, type Report, unexplained } from './report.ts'
import { inWorld } from './world.ts'

export interface World {
  /** For everything: configuration, storage, temporary files. */
  readonly directory: string
  /** The runtime's absolute path. */
  readonly runtime: string
  /** `tsrun`, or what the peer is called. */
  readonly name: string
}

export interface Engine {
  readonly name: string
  /** Packages of Debian. */
  readonly packages: readonly string[]
  /** Commands that tell a version in their first line. */
  readonly versions: readonly string[]
  /** Writes configuration; gives the script that makes everything ready and starts daemons. */
  open(world: World): string
  /** Variables of all scripts, next to PATH. `$DIRECTORY/bin` is first in PATH. */
  environment?(world: World): Record<string, string>
  /** Words before the shell of a case. */
  readonly enter?: (world: World) => readonly string[]
  /** Functions for all scripts of cases. */
  readonly prelude: string
  /** Script after each case, whatever became of it. */
  readonly between: string
  /** Script at the end. */
  readonly close?: string
  readonly cases: readonly Case[]
}

/** What a machine must have for a case, and what to say when it has not. */
const NEEDS: Record<Need, { here: () => boolean; reason: string }> = {
  memory: { here: () => hasController('memory'), reason: "no memory controller in this machine's cgroup v2" },
  cpu: { here: () => hasController('cpu'), reason: "no cpu controller in this machine's cgroup v2" },
  pids: { here: () => hasController('pids'), reason: "no pids controller in this machine's cgroup v2" },
  io: { here: () => hasController('io'), reason: "no io controller in this machine's cgroup v2" },
  criu: { here: () => whyNoCriu === undefined, reason: 'no CRIU that works with this kernel' },
  rights: { here: hasAllRights, reason: 'this machine has no CAP_SYS_RESOURCE' },
}

export function hasController(name: string): boolean {
  return readFileSync('/sys/fs/cgroup/cgroup.controllers', 'utf8').trim().split(' ').includes(name)
}

function hasAllRights(): boolean {
  const CAP_SYS_RESOURCE = 24n
  const [, effective] = /^CapEff:\t(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))!
  return ((BigInt(`0x${effective}`) >> CAP_SYS_RESOURCE) & 1n) === 1n
}

/** What is there besides this program when everything has been closed: processes, folders of cgroups, containers. */
function leftovers(): string[] {
  const read = (pid: string, file: string) =>
    existsSync(`/proc/${pid}/${file}`) ? readFileSync(`/proc/${pid}/${file}`, 'utf8') : ''
  const parent = (pid: string) => Number(/.*\) \S (\d+)/.exec(read(pid, 'stat'))?.[1])
  const processes = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && Number(name) !== 1)
    .filter(pid => Number(pid) !== process.pid && parent(pid) !== process.pid) // this program, and what compiles it
    .map(pid => read(pid, 'cmdline').replaceAll('\0', ' '))
    .filter(text => text !== '')
    .map(text => `process: ${text}`)
  const state = ['/run/tsrun', '/run/runc', '/run/crun'].flatMap(root =>
    existsSync(root)
      ? readdirSync(root)
          .filter(name => !name.startsWith('.'))
          .map(name => `container: ${root}/${name}`)
      : [],
  )
  return [...processes, ...state]
}

interface Answer {
  readonly outcomes: Outcomes
  readonly left: readonly string[]
}

/** The cases with one runtime. Runs inside. */
function runCases(engine: Engine, world: World, only: RegExp): Answer {
  const { directory } = world
  const variables = {
    PATH: `${directory}/bin:${process.env['PATH']}`,
    HOME: '/root',
    DIRECTORY: directory,
    RUNTIME: world.runtime,
  }
  const env = { ...variables, TMPDIR: directory, LC_ALL: 'C.UTF-8', ...engine.environment?.(world) }
  const shell = (script: string, seconds: number, enter: readonly string[] = []) =>
    run([...enter, 'sh', '-c', script], { cwd: directory, env, timeout: seconds * 1000 })

  const opened = shell(`set -e\n${engine.open(world)}`, 180)
  if (opened.status !== 0) throw new Error(`${engine.name} does not start: ${opened.stdout}${opened.stderr}`)
  const enter = engine.enter?.(world) ?? []

  const outcomes: Record<string, Outcome> = {}
  for (const entry of engine.cases.filter(({ name }) => only.test(name))) {
    const missing = entry.needs?.find(need => !NEEDS[need].here())
    const start = Date.now()
    const outcome: Outcome =
      missing !== undefined
        ? { result: 'skipped', why: NEEDS[missing].reason }
        : judge(entry, shell(`set -e\n${engine.prelude}\n${entry.run}`, entry.limit ?? 60, enter))
    outcomes[entry.name] = outcome
    if (missing === undefined) shell(engine.between, 60, enter)
    const why = 'why' in outcome ? ` (${outcome.why})` : ''
    console.error(`${world.name}: ${entry.name}: ${outcome.result}${why} ${Date.now() - start} ms`)
  }
  if (engine.close !== undefined) shell(engine.close, 60)
  return { outcomes, left: leftovers() }
}

function firstLine(command: string): string {
  const { stdout, stderr } = run(['sh', '-c', command])
  return (stdout || stderr).split('\n')[0] ?? ''
}

/** The script's whole work: see usage. */
export function main(engine: Engine): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      only: { type: 'string', default: '.' },
      json: { type: 'string' },
      inside: { type: 'string' },
    },
  })
  const runtimes = positionals.map(text => text.split('=') as [string, string])
  if (runtimes.length === 0 || runtimes.some(([, path]) => path === undefined)) {
    console.error(`usage: ${engine.name}.ts [--only PATTERN] [--json FILE] tsrun=PATH [PEER=PATH]...`)
    process.exit(64)
  }
  const only = new RegExp(values.only)
  if (values.inside !== undefined) {
    const [name, runtime] = runtimes[0]!
    const answer = runCases(engine, { directory: values.inside, runtime, name }, only)
    writeFileSync(join(values.inside, 'answer.json'), JSON.stringify(answer))
    return
  }

  install(engine.packages)
  const answers = runtimes.map(([name, path]) => {
    const options = [`--only=${values.only}`, `${name}=${resolve(path)}`]
    return inWorld(
      directory => [process.execPath, ...process.execArgv, process.argv[1]!, `--inside=${directory}`, ...options],
      directory => [name, JSON.parse(readFileSync(join(directory, 'answer.json'), 'utf8')) as Answer] as const,
    )
  })
  const report: Report = {
    engine: engine.name,
    date: new Date().toISOString().slice(0, 10),
    versions: [...engine.versions, ...runtimes.map(([, path]) => `${path} --version`)].map(firstLine),
    runtimes: Object.fromEntries(answers.map(([name, { outcomes }]) => [name, outcomes])),
    left: Object.fromEntries(answers.map(([name, { left }]) => [name, left])),
  }
  const blamed = unexplained(report, engine.cases)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ ...report, blamed }, null, 2)}\n`)
  console.log(markdown(report, engine.cases))
  for (const [name, { left }] of answers) for (const what of left) console.log(`${name} left ${what}`)
  for (const name of blamed) console.log(`${runtimes[0]![0]} alone fails: ${name}`)
  if (blamed.length > 0 || (answers[0]?.[1].left.length ?? 0) > 0) process.exitCode = 1
}
