import { type Bench, expectSuccess, type Point } from '../lib/bench.ts'
import type { Measurement, Outcome, Quantity, Row } from '../lib/results.ts'
import type { Runtime } from '../lib/runtimes.ts'
import { smallest } from '../lib/smallest.ts'
import { summarize } from '../lib/stats.ts'
import { hasController } from '../lib/view.ts'

/** A limit holds when this many runs in a row succeed. */
const RUNS = 3

type Limited = 'memory' | 'pids'

const questions: readonly (Quantity & {
  controller: Limited
  from: number
  to: number
  step: number
  bytes: number
})[] = [
  {
    id: 'memory-limit',
    title: 'Smallest memory limit under which /bin/true runs',
    unit: 'KiB',
    figure: 'median',
    better: 'less',
    controller: 'memory',
    from: 0,
    to: 64 * 1024,
    step: 16,
    bytes: 1024,
  },
  {
    id: 'pids-limit',
    title: 'Smallest limit of processes under which /bin/true runs',
    unit: 'processes',
    figure: 'median',
    better: 'less',
    controller: 'pids',
    from: 0,
    to: 64,
    step: 1,
    bytes: 1,
  },
]

export const limits: Point = {
  name: 'limits',
  summary: 'the smallest memory and process limits under which /bin/true still runs',
  measure: async bench => {
    const measurements: Measurement[] = []
    for (const question of questions) measurements.push(await search(bench, question))
    return measurements
  },
}

async function search(bench: Bench, question: (typeof questions)[number]): Promise<Measurement> {
  const { controller, from, to, step, bytes, ...quantity } = question
  if (!hasController(controller))
    return { ...quantity, rows: [], unavailable: `cgroup version 2 has no ${controller} controller on this machine` }
  bench.progress.begin(quantity.title, bench.runtimes.length)
  const rows: Row[] = []
  for (const runtime of bench.runtimes) {
    bench.progress.step(runtime.name)
    await bench.turn()
    const trial = (limit: number) => prepareTrial(bench, runtime, controller, limit * bytes)
    const limit = smallest(from, to, step, value => trial(value).succeeds())
    rows.push({ subject: runtime, outcome: limit === undefined ? { failure: trial(to).words() } : found(limit) })
  }
  bench.progress.end()
  return { ...quantity, reference: bench.reference, rows }
}

function found(limit: number): Outcome {
  return { samples: [limit], stats: summarize([limit]), total: limit }
}

/** Runs under a limit: whether all of them succeed, and what the runtime says when one does not. */
function prepareTrial({ bundles, launcher, tag }: Bench, runtime: Runtime, controller: Limited, limit: number) {
  const id = `${tag}-limit`
  const bundle = bundles.make('limited', ['/bin/true'], config => {
    config.linux!.resources = { ...config.linux!.resources, [controller]: { limit } }
  })
  const command = runtime.command('run', '--bundle', bundle, id)
  const run = () => launcher.prepare([command]).run()
  return {
    succeeds: () => {
      for (let i = 0; i < RUNS; i++) {
        if (run().statuses[0] === 0) continue
        launcher.prepare([runtime.command('delete', '--force', id)]).run()
        return false
      }
      return true
    },
    words: () => {
      try {
        expectSuccess(run(), command)
        return 'it runs only sometimes'
      } catch (error) {
        return (error as Error).message
      }
    },
  }
}
