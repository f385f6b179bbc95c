import { type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { runCommands, single } from '../lib/contenders.ts'

export const run: Point = {
  name: 'run',
  summary: 'one `run` of /bin/true, medians of interleaved runs',
  measure: bench =>
    compare(
      bench,
      {
        title: 'run',
        rounds: rounds(bench, 40),
        warmUp: 2,
        quantities: [
          {
            id: 'run',
            title: 'One `run` of /bin/true',
            unit: 'ms',
            figure: 'median',
            better: 'less',
            reference: bench.reference,
          },
        ],
      },
      runCommands(bench).map(({ subject, words }) =>
        single(bench, subject, words(), ({ milliseconds }) => [milliseconds]),
      ),
    ),
}
