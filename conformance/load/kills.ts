// kill -9 of everybody at random moments of every command. What is there afterwards is a whole container or nothing, and
// `delete --force` takes back a whole one.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Count, type Part, type Row } from './part.ts'
import type { Place } from './place.ts'

const MEASURED = 5
/** How long to wait for an executor to appear. */
const PATIENCE_MS = 5000
/** A little later than the longest, so that some commands end before. */
const REACH = 1.1

const VICTIMS = ['planner', 'executor', 'container'] as const
type Victim = (typeof VICTIMS)[number]

interface Command {
  readonly name: string
  /** What a try begins with. */
  readonly before: 'nothing' | 'created' | 'running' | 'paused'
  readonly words: (id: string) => string[]
  /** Whom there is to kill beside the planner. */
  readonly victims: readonly Victim[]
}

function commands(place: Place): Command[] {
  const bundle = place.bundle()
  const brief = place.bundle(config => {
    config.process.args = ['true']
  })
  const hooked = place.bundle(config => {
    const hook = [{ path: '/bin/true' }]
    config.hooks = { createRuntime: hook, createContainer: hook, poststart: hook, poststop: hook }
  })
  const devices = join(place.directory, 'devices.json')
  writeFileSync(
    devices,
    JSON.stringify({ devices: [{ allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' }] }),
  )
  return [
    { name: 'create', before: 'nothing', words: id => ['create', '--bundle', bundle, id], victims: VICTIMS },
    { name: 'create with hooks', before: 'nothing', words: id => ['create', '--bundle', hooked, id], victims: VICTIMS },
    { name: 'run', before: 'nothing', words: id => ['run', '--bundle', brief, id], victims: VICTIMS },
    { name: 'run --detach', before: 'nothing', words: id => ['run', '-d', '--bundle', hooked, id], victims: VICTIMS },
    { name: 'start', before: 'created', words: id => ['start', id], victims: ['planner', 'container'] },
    { name: 'exec', before: 'running', words: id => ['exec', id, 'true'], victims: VICTIMS },
    { name: 'kill', before: 'running', words: id => ['kill', id, 'KILL'], victims: ['planner'] },
    {
      name: 'kill --all',
      before: 'running',
      words: id => ['kill', '--all', id, 'TERM'],
      victims: ['planner', 'container'],
    },
    { name: 'delete', before: 'created', words: id => ['delete', id], victims: ['planner', 'container'] },
    {
      name: 'delete --force',
      before: 'running',
      words: id => ['delete', '--force', id],
      victims: ['planner', 'container'],
    },
    {
      name: 'update',
      before: 'running',
      words: id => ['update', '-r', devices, id],
      victims: ['planner', 'container'],
    },
    { name: 'pause', before: 'running', words: id => ['pause', id], victims: ['planner', 'container'] },
    { name: 'resume', before: 'paused', words: id => ['resume', id], victims: ['planner', 'container'] },
  ]
}

/** Brings a container to where the command expects it. */
function prepare(place: Place, bundle: string, before: Command['before'], id: string): void {
  if (before === 'nothing') return
  place.must('create', '--bundle', bundle, id)
  if (before === 'created') return
  place.must('start', id)
  if (before === 'paused') place.must('pause', id)
}

/** Waits without letting the event loop notice an end: so the pid stays the child's, dead or alive. */
function spin(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

/**
 * Waits for the moment to kill somebody, and gives his pid: `delay` after the start of the command, or half of that after
 * the birth of those who are born meanwhile. Undefined when nobody is.
 */
function moment(victim: Victim, planner: number, container: number | undefined, delay: number): number | undefined {
  if (victim === 'planner' || (victim === 'container' && container !== undefined)) {
    spin(delay)
    return victim === 'planner' ? planner : container
  }
  const end = performance.now() + PATIENCE_MS
  while (performance.now() < end && isRunning(planner)) {
    const child = childOf(planner, victim)
    if (child === undefined) continue
    spin(delay / 2)
    return child
  }
  return undefined
}

/** The executor, which becomes the keeper, or the process that it has borne: that is a child of the planner, too. */
function childOf(planner: number, victim: Victim): number | undefined {
  const [executor, born] = readIfAny(`/proc/${planner}/task/${planner}/children`).trim().split(' ').filter(Boolean)
  const pid = victim === 'executor' ? executor : born
  return pid === undefined ? undefined : Number(pid)
}

function isRunning(pid: number): boolean {
  return !/^\d+ \(.*\) [ZX]/.test(readIfAny(`/proc/${pid}/stat`) || '0 () X')
}

function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** One sentence, and no word of the program's inside. */
const SENTENCE = /^tsrun: [^\n]+\n$/

class Kills {
  readonly #place: Place
  readonly #bundle: string

  constructor(place: Place) {
    this.#place = place
    this.#bundle = place.bundle()
  }

  /** How long the command takes when nobody is killed. */
  async measure(command: Command): Promise<number[]> {
    const durations: number[] = []
    for (let round = 0; round < MEASURED; round += 1) {
      const id = this.#place.id()
      prepare(this.#place, this.#bundle, command.before, id)
      const begin = performance.now()
      const { done } = this.#place.launch(this.#place.command(...command.words(id)))
      const { status, stderr } = await done
      durations.push(performance.now() - begin)
      if (status !== 0) throw new Error(`${command.name}: ${stderr}`)
      this.#place.oci('delete', '--force', id)
    }
    return durations.sort((a, b) => a - b)
  }

  async try(command: Command, victim: Victim, delay: number, count: Count): Promise<void> {
    const place = this.#place
    const id = place.id()
    prepare(place, this.#bundle, command.before, id)
    const container = command.before === 'nothing' ? undefined : place.pid(id)
    const { pid, done } = place.launch(place.command(...command.words(id)))
    const target = moment(victim, pid, container, delay)
    const isHit = target !== undefined && isRunning(target) && kill(target)
    const result = await done
    count.tries += isHit ? 1 : 0
    const complain = (text: string) =>
      count.problems.push(`${command.name}, ${victim} after ${delay.toFixed(2)} ms: ${text}`)

    if (result.signal === 'SIGKILL' && victim !== 'planner') complain('the command hangs')
    if (victim !== 'planner' && result.status !== 0 && result.stderr !== '' && !SENTENCE.test(result.stderr))
      complain(`says ${result.stderr}`)
    // Without a word for what it did not do, nobody would know that it did not.
    if (victim === 'executor' && result.status !== 0 && result.stderr === '')
      complain(`${result.status} without a word`)

    if (command.before === 'nothing')
      this.#judgeNew(id, result.status === 0 && !command.name.startsWith('run'), count, complain)
    else if (place.status(id) !== undefined) count.whole += 1
    else count.nothing += 1
    const removal = place.oci('delete', '--force', id)
    if (removal.status !== 0 || removal.stderr !== '') complain(`delete --force: ${removal.status} ${removal.stderr}`)
    const left = place.left()
    count.left.push(...left.map(line => `${command.name}, ${victim} after ${delay.toFixed(2)} ms: ${line}`))
    if (left.length > 0) place.clear()
  }

  /** A new container is whole, and there if the command said so, or there is nothing of it. */
  #judgeNew(id: string, promised: boolean, count: Count, complain: (text: string) => void): void {
    if (this.#place.status(id) !== undefined) {
      count.whole += 1
      return
    }
    count.nothing += 1
    if (promised) complain('said to be made, and is not there')
    // Its directory goes by itself, without a delete.
    const left = this.#place.left()
    // A whole container may have been finished meanwhile.
    if (left.length > 0 && this.#place.status(id) === undefined) complain(`not whole: ${left.join(', ')}`)
  }
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL')
    return true
  } catch {
    return false
  }
}

function shuffled<T>(list: readonly T[]): T[] {
  return list
    .map(entry => [Math.random(), entry] as const)
    .sort(([a], [b]) => a - b)
    .map(([, entry]) => entry)
}

export const kills: Part = {
  name: 'kills',
  what: 'kill -9 of the planner, the executor and the container at random moments of every command',
  async run(place, goesOn) {
    const work = new Kills(place)
    const cases = commands(place).flatMap(command =>
      command.victims.map(victim => ({ command, victim, count: new Count() })),
    )
    const durations = new Map<Command, number[]>()
    const hits = () => cases.reduce((sum, { count }) => sum + count.tries, 0)
    do {
      // Others each time, for those who have a few seconds only.
      for (const { command, victim, count } of shuffled(cases)) {
        const measured = durations.get(command) ?? (await work.measure(command))
        durations.set(command, measured)
        const duration = measured[Math.floor(Math.random() * measured.length)]!
        await work.try(command, victim, Math.random() * duration * REACH, count)
        if (!goesOn(hits())) break
      }
    } while (goesOn(hits()))
    return cases.flatMap(({ command, victim, count }): Row[] => {
      const measured = durations.get(command)
      if (measured === undefined) return []
      count.notes.push(`${measured[MEASURED >> 1]!.toFixed(1)} ms`)
      return [{ name: `${command.name}: ${victim}`, figures: count }]
    })
  },
}
