import { spawnSync } from 'node:child_process'
import { type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { onSleeper } from '../lib/contenders.ts'
import type { Runtime } from '../lib/runtimes.ts'

function knowsExec({ path }: Runtime): boolean {
  return spawnSync(path, ['exec', '--help'], { stdio: 'ignore', timeout: 20_000 }).status === 0
}

export const exec: Point = {
  name: 'exec',
  summary: '`exec` of /bin/true in a running container',
  measure: bench => {
    const contenders = bench.runtimes.map(runtime =>
      knowsExec(runtime)
        ? onSleeper(bench, runtime, id => ['exec', id, '/bin/true'])
        : { subject: runtime, measure: () => [], skipped: 'it has no `exec`' },
    )
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
