import { amount, expectSuccess, type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { runCommands } from '../lib/contenders.ts'

/** Runs in a row before the next runtime has its turn. */
const BLOCK = 10

/** The table that crun shows of itself, made in blocks so that a change of the machine's speed hits everybody. */
export const sequential: Point = {
  name: 'sequential',
  summary: '100 times `run` of /bin/true one after the other, the table that crun publishes',
  measure: bench => {
    const blocks = rounds(bench, 10)
    const block = amount(bench, BLOCK, 5)
    const contenders = runCommands(bench, 'seq')
      .filter(({ subject }) => subject.kind !== 'bound')
      .map(({ subject, words }) => {
        const command = words()
        const launch = bench.launcher.prepare(Array.from({ length: block }, () => command))
        return {
          subject,
          measure: () => {
            const sample = launch.run()
            expectSuccess(sample, command)
            return [sample.milliseconds]
          },
        }
      })
    return compare(
      bench,
      {
        title: 'sequential',
        rounds: blocks,
        quantities: [
          {
            id: 'sequential',
            title: `${blocks * block} sequential \`run\`s of /bin/true`,
            unit: 's',
            figure: 'total',
            better: 'less',
            reference: bench.reference,
            note: `Wall time as minutes:seconds, in blocks of ${block} that take turns.`,
          },
        ],
      },
      contenders,
    )
  },
}
