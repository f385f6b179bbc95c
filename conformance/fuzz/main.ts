// npm run proof fuzz: random configurations on several runtimes, which have to agree on what the container is like.

import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { repeatInView, viewedFrom } from '../../bench/lib/view.ts'
import type { Config } from '../lib/config.ts'
import { type Difference, differences, type Outcome } from './compare.ts'
import { validConfigs } from './configs.ts'
import { explain } from './explained.ts'
import { invalidTexts } from './invalid.ts'
import { BRIEF_SCRIPT, PROBE_SCRIPT } from './probe.ts'
import { Runner } from './runner.ts'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string' },
    count: { type: 'string' },
    containers: { type: 'string' },
    seed: { type: 'string' },
    shrink: { type: 'boolean', default: false },
    invalid: { type: 'boolean', default: false },
    subject: { type: 'string', default: 'dist/tsrun' },
    peer: { type: 'string', multiple: true, default: ['crun', 'runc'] },
  },
})

interface Finding {
  readonly differences: readonly Difference[]
  readonly outcomes: Readonly<Record<string, Outcome>>
}

function look(runner: Runner, config: Config): Finding {
  const own = runner.run(options.subject, config)
  const left = runner.leftovers()
  const peers = options.peer.map(peer => [peer, runner.run(peer, config)] as const)
  const outcomes = Object.fromEntries([[options.subject, own], ...peers])
  const all = differences(options.subject, outcomes, config, runner.host)
  const remains = left.length > 0 ? [{ section: 'left behind', odd: left, values: {} }] : []
  return { differences: [...all.filter(difference => !explained(difference, config)), ...remains], outcomes }
}

const explanations = new Map<string, number>()

function explained(difference: Difference, config: Config): boolean {
  const reason = explain(difference, config, options.subject)
  if (reason !== undefined) explanations.set(reason, (explanations.get(reason) ?? 0) + 1)
  return reason !== undefined
}

/** A configuration without the long script. */
function show(config: Config): string {
  return JSON.stringify({ ...config, process: { ...config.process, args: ['the probe'] } })
}

/** How many configurations one seed stands for. */
const PER_SEED = 20

/** Until there were so many configurations, or containers, or a time is over: a minute when nothing is said. */
function untilEnough(): (tried: number, containers?: number) => boolean {
  const { count, containers: wanted = 'Infinity' } = options
  const bounded = count !== undefined || options.containers !== undefined
  const { minutes = bounded ? 'Infinity' : '1' } = options
  const end = Date.now() + Number(minutes) * 60_000
  return (tried, containers = 0) =>
    Date.now() >= end || tried >= Number(count ?? 'Infinity') || containers >= Number(wanted)
}

function explore(runner: Runner, seed: number): number {
  const isEnough = untilEnough()
  const count = { tried: 0, ran: 0, different: 0 }
  for (let current = seed; !isEnough(count.tried); current += 1)
    for (const config of fc.sample(validConfigs(runner.sources), { seed: current, numRuns: PER_SEED })) {
      if (isEnough(count.tried)) break
      const { differences, outcomes } = look(runner, config)
      count.tried += 1
      if (outcomes[options.subject]!.seen !== undefined) count.ran += 1
      if (differences.length === 0) continue
      count.different += 1
      console.log(`\nseed ${current}: ${show(config)}`)
      for (const { section, odd, values } of differences) console.log(section, odd, values)
    }
  for (const [reason, times] of explanations) console.log(`explained ${times} times: ${reason}`)
  console.log(`from seed ${seed}: ${count.tried} configurations, ${count.ran} ran, ${count.different} differences`)
  return count.different
}

/** One sentence that shows nothing of the program's inside. */
const REFUSAL = /^(?:tsrun: warning: [^\n]*\n)*tsrun: (?!internal error)[^\n]+\n(?:tsrun: also: [^\n]*\n)*$/
const INSIDES = /undefined|\[object|\bat .*:\d+:\d+|NaN|TypeError|InternalError/

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** What is wrong with how wrong configurations are taken. */
function harass(runner: Runner, seed: number): number {
  const isEnough = untilEnough()
  const count = { tried: 0, refused: 0, bad: 0 }
  const enough = () => isEnough(count.tried, count.tried - count.refused)
  for (let current = seed; !enough(); current += 1)
    for (const drawn of fc.sample(invalidTexts(validConfigs(runner.sources)), { seed: current, numRuns: PER_SEED })) {
      if (enough()) break
      const text = drawn.replace(inJson(PROBE_SCRIPT), BRIEF_SCRIPT)
      const { status, stderr, seen } = runner.run(options.subject, text)
      const left = runner.leftovers()
      const refused = status === 1 && REFUSAL.test(stderr) && !INSIDES.test(stderr)
      count.tried += 1
      if (refused) count.refused += 1
      if ((refused || seen !== undefined || ranOtherwise(status, stderr)) && left.length === 0) continue
      count.bad += 1
      console.log(`\nseed ${current}: ${text}\n`, status, stderr, left)
    }
  console.log(
    `from seed ${seed}: ${count.tried} texts, ${count.refused} refused, ${count.tried - count.refused} containers, ${count.bad} badly taken`,
  )
  return count.bad
}

/** The program ran, but another one than the probe, or without what that needs. */
function ranOtherwise(status: number | undefined, stderr: string): boolean {
  return status !== undefined && !stderr.replace(/^tsrun: warning: .*\n/gm, '').includes('tsrun:')
}

/** The smallest configuration that has a difference, among those of a seed. */
function shrink(runner: Runner, seed: number): number {
  const property = fc.property(validConfigs(runner.sources), config => {
    const { differences } = look(runner, config)
    if (differences.length > 0) throw new Error(JSON.stringify(differences, undefined, 1))
  })
  const result = fc.check(property, { seed, numRuns: PER_SEED })
  if (result.counterexample === null) console.log('no difference')
  else console.log(`${show(result.counterexample[0]!)}\n${(result.errorInstance as Error).message}`)
  return result.failed ? 1 : 0
}

function main(): number {
  using runner = new Runner()
  const seed = options.seed === undefined ? Date.now() % 2 ** 31 : Number(options.seed)
  if (options.invalid) return harass(runner, seed)
  return options.shrink ? shrink(runner, seed) : explore(runner, seed)
}

process.exitCode = viewedFrom() === undefined ? await repeatInView() : main() === 0 ? 0 : 1
