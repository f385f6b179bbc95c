import { spawnSync } from 'node:child_process'
import { must, type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { single } from '../lib/contenders.ts'
import type { Runtime } from '../lib/runtimes.ts'

function knowsExec({ path }: Runtime): boolean {
  return spawnSync(path, ['exec', '--help'], { stdio: 'ignore', timeout: 20_000 }).status === 0
}

export const exec: Point = {
  name: 'exec',
  summary: '`exec` of /bin/true in a running container',
  measure: bench => {
    const { runtimes, launcher, bundles, tag } = bench
    const bundle = bundles.make('sleep', ['/bin/sleep', '100000'])
    const contenders = runtimes.map(runtime => {
      const id = `${tag}-exec-${runtime.name}`
      if (!knowsExec(runtime)) return { subject: runtime, measure: () => [], skipped: 'it has no `exec`' }
      const contender = single(bench, runtime, runtime.command('exec', id, '/bin/true'), ({ milliseconds }) => [
        milliseconds,
      ])
      let ready = false
      return {
        subject: runtime,
        measure: () => {
          if (!ready) must(launcher, runtime.command('run', '--detach', '--bundle', bundle, id))
          ready = true
          return contender.measure()
        },
      }
    })
    return compare(
      bench,
      {
        title: 'exec',
        rounds: rounds(bench, 30),
        quantities: [
          {
            id: 'exec',
            title: '`exec` of /bin/true in a running container',
            unit: 'ms',
            figure: 'median',
            better: 'less',
            reference: bench.reference,
          },
        ],
      },
      contenders,
    )
  },
}
