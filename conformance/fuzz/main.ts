// npm run fuzz: random configurations on several runtimes, which have to agree on what the container is like.

import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { repeatInView, viewedFrom } from '../../bench/lib/view.ts'
import type { Config } from '../lib/config.ts'
import { type Difference, differences, type Outcome } from './compare.ts'
import { validConfigs } from './configs.ts'
import { explain } from './explained.ts'
import { Runner } from './runner.ts'

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    path: { type: 'string' },
    subject: { type: 'string', default: 'dist/static/tsrun' },
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

/** What a counterexample has beside the base configuration. */
function show(config: Config): string {
  return JSON.stringify({ ...config, process: { ...config.process, args: ['the probe'] } }, undefined, 1)
}

function main(): number {
  using runner = new Runner()
  const end = Date.now() + Number(options.minutes) * 60_000
  let tried = 0
  let ran = 0
  const property = fc.property(validConfigs(runner.sources), config => {
    const finding = look(runner, config)
    tried += 1
    if (finding.outcomes[options.subject]!.seen !== undefined) ran += 1
    if (finding.differences.length > 0) throw new Error(JSON.stringify(finding.differences, undefined, 1))
  })
  const seed = options.seed === undefined ? Date.now() % 2 ** 31 : Number(options.seed)
  const result = fc.check(property, {
    seed,
    ...(options.path && { path: options.path }),
    numRuns: 1_000_000,
    interruptAfterTimeLimit: end - Date.now(),
    markInterruptAsFailure: false,
  })
  for (const [reason, count] of explanations) console.log(`explained ${count} times: ${reason}`)
  if (result.failed && result.counterexample !== null) {
    console.log(`--seed ${result.seed} --path ${result.counterexamplePath}`)
    console.log(show(result.counterexample[0]!))
    console.log(String((result.errorInstance as Error).message))
  }
  console.log(`seed ${seed}: ${tried} configurations, ${ran} ran, ${result.failed ? 'a difference' : 'no difference'}`)
  return result.failed ? 1 : 0
}

process.exitCode = viewedFrom() === undefined ? await repeatInView() : main()
