import { type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { onSleeper, single } from '../lib/contenders.ts'

/** Commands that start and do next to nothing: what is left is the start of the runtime itself. */
export const engine: Point = {
  name: 'engine',
  summary: '`--version` and `state` of a running container: what starting the runtime itself costs',
  measure: async bench => {
    const { runtimes, reference } = bench
    const common = { unit: 'ms', figure: 'median', better: 'less', reference } as const
    const version = await compare(
      bench,
      {
        title: '--version',
        rounds: rounds(bench, 40),
        quantities: [{ id: 'version', title: '`--version`', ...common }],
      },
      runtimes.map(runtime =>
        single(bench, runtime, runtime.command('--version'), ({ milliseconds }) => [milliseconds]),
      ),
    )
    const state = await compare(
      bench,
      { title: 'state', rounds: rounds(bench, 40), quantities: [{ id: 'state', title: '`state`', ...common }] },
      runtimes.map(runtime => onSleeper(bench, runtime, id => ['state', id])),
    )
    return [...version, ...state]
  },
}
