import { must, type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { single } from '../lib/contenders.ts'

/** Commands that start and do next to nothing: what is left is the start of the runtime itself. */
export const engine: Point = {
  name: 'engine',
  summary: '`--version` and `state` of a running container: what starting the runtime itself costs',
  measure: async bench => {
    const { runtimes, launcher, bundles, tag, reference } = bench
    const common = { unit: 'ms', figure: 'median', better: 'less', reference } as const
    const bundle = bundles.make('sleep', ['/bin/sleep', '100000'])
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
      runtimes.map(runtime => {
        const id = `${tag}-engine-${runtime.name}`
        const contender = single(bench, runtime, runtime.command('state', id), ({ milliseconds }) => [milliseconds])
        let ready = false
        return {
          subject: runtime,
          measure: () => {
            if (!ready) must(launcher, runtime.command('run', '--detach', '--bundle', bundle, id))
            ready = true
            return contender.measure()
          },
        }
      }),
    )
    return [...version, ...state]
  },
}
