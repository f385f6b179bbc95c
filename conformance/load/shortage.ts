// Every command where something is used up: a full disk under the state, a state directory that can not be written or is
// not there, no memory, processes or descriptors for the runtime. Each works or fails in one sentence, and afterwards, when
// there is enough again, the container can be deleted and nothing is left.

import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../lib/config.ts'
import { must, type Result } from '../lib/run.ts'
import { runtime } from '../lib/runtime.ts'
import { Count, type Part, type Row } from './part.ts'
import type { Place } from './place.ts'

interface Step {
  readonly name: string
  readonly before: 'nothing' | 'created' | 'running' | 'paused'
  words(bundle: string, id: string): string[]
  /** Works without what is short. */
  readonly unmoved?: boolean
}

const STEPS: readonly Step[] = [
  { name: 'create', before: 'nothing', words: (bundle, id) => ['create', '--bundle', bundle, id] },
  { name: 'run', before: 'nothing', words: (bundle, id) => ['run', '--detach', '--bundle', bundle, id] },
  { name: 'start', before: 'created', words: (_, id) => ['start', id] },
  { name: 'state', before: 'running', words: (_, id) => ['state', id] },
  { name: 'list', before: 'running', words: () => ['list'] },
  { name: 'exec', before: 'running', words: (_, id) => ['exec', id, 'true'] },
  { name: 'pause', before: 'running', words: (_, id) => ['pause', id] },
  { name: 'resume', before: 'paused', words: (_, id) => ['resume', id] },
  { name: 'kill', before: 'running', words: (_, id) => ['kill', id, 'KILL'] },
  { name: 'delete', before: 'created', words: (_, id) => ['delete', id] },
  { name: 'delete --force', before: 'running', words: (_, id) => ['delete', '--force', id] },
]

/** What is short, and how to make it so. */
interface Shortage {
  readonly name: string
  /** Levels from nothing to nearly enough. */
  readonly levels: readonly number[]
  /** The command line under the shortage. */
  wrap?(words: readonly string[], level: number): string[]
  /** Makes it so for everybody, and gives what takes that back. */
  begin?(place: Place, level: number): () => void
  /** How everything else is run: as the same user, that is. */
  readonly as?: (words: readonly string[]) => string[]
  readonly change?: (config: Config) => void
  /** Leaves out what says nothing here. */
  readonly without?: readonly string[]
}

const PAGE = 4096

/** A small file system for the state, so that filling it harms nobody. */
function mountState(place: Place): void {
  must(['mount', '-t', 'tmpfs', '-o', 'size=256k,nr_inodes=64,mode=755', 'load', place.state])
}

/** Leaves room for so many pages of the tmpfs. */
function fillPages(place: Place, free: number): () => void {
  const ballast = join(place.state, '.ballast')
  spawnSync('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4096'], { stdio: 'ignore' })
  truncateSync(ballast, Math.max(statSync(ballast).size - free * PAGE, 0))
  return () => rmSync(ballast)
}

/** Leaves room for so many files. */
function fillInodes(place: Place, free: number): () => void {
  const ballast = join(place.state, '.ballast')
  mkdirSync(ballast)
  let made = 0
  try {
    for (; ; made += 1) writeFileSync(join(ballast, `${made}`), '')
  } catch {
    // full
  }
  for (let i = 0; i < Math.min(free, made); i += 1) rmSync(join(ballast, `${i}`))
  return () => rmSync(ballast, { recursive: true })
}

function readonlyState(place: Place): () => void {
  must(['mount', '-o', 'remount,ro', place.state])
  return () => void must(['mount', '-o', 'remount,rw', place.state])
}

/** The static host begins to say something at 7 MiB; Node.js reserves much more than it uses. */
const isScript = readFileSync(runtime.path).subarray(0, 2).toString() === '#!'
const MEBIBYTE = 2 ** 20

/** A user without an account, with one id of his own. */
const UID = 64_321
const asUser = (words: readonly string[]) => ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', ...words]

function rootless(config: Config): void {
  const own = [{ containerID: 0, hostID: UID, size: 1 }]
  config.linux.uidMappings = own
  config.linux.gidMappings = own
  config.linux.namespaces = config.linux.namespaces.filter(({ type }) => type !== 'network')
  config.linux.namespaces.push({ type: 'user' })
  config.mounts = config.mounts.filter(({ type }) => type !== 'sysfs' && type !== 'devpts')
  delete config.linux.resources
}

const upTo = (end: number) => Array.from({ length: end }, (_, i) => i)

const ALL: readonly Shortage[] = [
  { name: 'disk', levels: upTo(8), begin: fillPages },
  { name: 'files', levels: upTo(8), begin: fillInodes },
  { name: 'read-only state', levels: [0], begin: readonlyState },
  {
    name: 'memory',
    // With less the kernel can not execute the static binary, and ends it before its first instruction.
    levels: upTo(14).map(n => (n + 7) * MEBIBYTE),
    wrap: (words, level) => ['prlimit', `--as=${level}`, ...words],
  },
  {
    name: 'descriptors',
    levels: [...upTo(40).map(n => n + 3), 64],
    wrap: (words, level) => ['prlimit', `--nofile=${level}`, ...words],
  },
  {
    name: 'processes',
    levels: upTo(6).map(n => n + 1),
    wrap: (words, level) => asUser(['prlimit', `--nproc=${level}`, ...words]),
    as: asUser,
    change: rootless,
    without: ['pause', 'resume'],
  },
]

/** Node.js dies or hangs by itself when it lacks memory, descriptors or threads, before anything of ours runs. */
const SHORTAGES = ALL.filter(({ wrap }) => !isScript || wrap === undefined)

const SENTENCE = /^tsrun: [^\n]+\n$/

class Trial {
  readonly #place: Place
  readonly #shortage: Shortage
  readonly #bundle: string

  constructor(place: Place, shortage: Shortage) {
    this.#place = place
    this.#shortage = shortage
    this.#bundle = place.bundle(config => shortage.change?.(config))
  }

  #run(words: readonly string[]): Result {
    const command = this.#place.command(...words)
    return this.#place.run(this.#shortage.as?.(command) ?? command)
  }

  #must(...words: string[]): void {
    const { status, stderr } = this.#run(words)
    if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`)
  }

  #prepare(before: Step['before'], id: string): void {
    if (before === 'nothing') return
    this.#must('create', '--bundle', this.#bundle, id)
    if (before === 'created') return
    this.#must('start', id)
    if (before === 'paused') this.#must('pause', id)
  }

  /** One command at one level. */
  try(step: Step, level: number, count: Count): void {
    const place = this.#place
    const { name, begin, wrap } = this.#shortage
    const id = place.id()
    this.#prepare(step.before, id)
    const words = place.command(...step.words(this.#bundle, id))
    const end = begin?.(place, level)
    const result = place.run(wrap?.(words, level) ?? words)
    count.tries += 1
    const complain = (text: string) => count.problems.push(`${step.name}, ${name} ${level}: ${text}`)
    this.#judge(result, complain)
    if (step.before === 'nothing' && result.status !== 0) {
      const left = place.left().filter(line => !line.endsWith('.ballast'))
      if (left.length > 0) complain(`failed, and there is ${left.join(', ')}: ${result.stderr}`)
    }
    end?.()
    if (step.before !== 'nothing' && result.status !== 0) {
      const { stdout } = this.#run(['state', id])
      const after = stdout === '' ? 'gone' : (JSON.parse(stdout) as { status: string }).status
      // A delete that has killed may fail to remove; nothing else is half done.
      if (after !== step.before && !(step.name.startsWith('delete') && after === 'stopped'))
        complain(`failed, and what was ${step.before} is ${after}: ${result.stderr}`)
    }
    if (result.status === 0) count.whole += 1
    else count.nothing += 1
    const removal = this.#run(['delete', '--force', id])
    if (removal.status !== 0 || removal.stderr !== '') complain(`delete --force afterwards: ${removal.stderr}`)
    const left = place.left()
    count.left.push(...left.map(line => `${step.name}, ${name} ${level}: ${line}`))
    if (left.length > 0) place.clear()
  }

  #judge({ status, signal, stderr }: Result, complain: (text: string) => void): void {
    if (signal === 'SIGKILL') complain('hangs')
    if (status === 0) return
    if (signal !== null) complain(`dies of ${signal}: ${stderr}`)
    else if (!SENTENCE.test(stderr)) complain(`says ${JSON.stringify(stderr)}`)
  }
}

/** Takes turns with the levels, so that a short run has seen some of each. */
function* turns(shortages: readonly { trial: Trial; shortage: Shortage; count: Count }[]) {
  for (let round = 0; ; round += 1)
    for (const { trial, shortage, count } of shortages) {
      const steps = STEPS.filter(({ name }) => !shortage.without?.includes(name))
      const step = steps[round % steps.length]!
      const level = shortage.levels[Math.floor(Math.random() * shortage.levels.length)]!
      yield () => trial.try(step, level, count)
    }
}

export const shortage: Part = {
  name: 'shortage',
  what: 'full disk, read-only state, no memory, no processes, no descriptors for the runtime, at every command',
  async run(place, goesOn) {
    mountState(place)
    try {
      must(['chmod', '777', place.state, place.directory])
      const all = SHORTAGES.map(one => ({ shortage: one, trial: new Trial(place, one), count: new Count() }))
      let tried = 0
      for (const turn of turns(all)) {
        turn()
        tried += 1
        if (tried >= all.length && !goesOn()) break
      }
      return all.map(({ shortage: { name }, count: { tries, whole, nothing, left, problems } }): Row => {
        const notes = [`${whole} worked all the same, ${nothing} said why not`]
        return { name, figures: { tries, left, problems, notes } }
      })
    } finally {
      place.clear()
      must(['umount', place.state])
    }
  },
}
