import { amount, type Bench, expectSuccess, type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { runCommands } from '../lib/contenders.ts'
import type { Measurement } from '../lib/results.ts'

const AT_A_TIME = [1, 2, 4, 8]

export const parallel: Point = {
  name: 'parallel',
  summary: 'containers per second with 1, 2, 4 and 8 `run`s at a time, and the processor time of each',
  measure: async bench => {
    const measurements: Measurement[] = []
    for (const window of AT_A_TIME) measurements.push(...(await throughput(bench, window)))
    return measurements
  },
}

function throughput(bench: Bench, window: number): Promise<Measurement[]> {
  const containers = amount(bench, 32, 16)
  const contenders = runCommands(bench, `par${window}-`)
    .filter(({ subject }) => subject.name !== 'true')
    .map(({ subject, words }) => {
      const commands = Array.from({ length: containers }, (_, i) => words(String(i)))
      const launch = bench.launcher.prepare(commands, window)
      return {
        subject,
        measure: () => {
          const sample = launch.run()
          expectSuccess(sample, commands[0]!)
          return [(containers / sample.milliseconds) * 1000, sample.cpuMilliseconds / containers]
        },
      }
    })
  return compare(
    bench,
    {
      title: `parallel, ${window} at a time`,
      rounds: rounds(bench, 5),
      quantities: [
        {
          id: `parallel-${window}`,
          title: `\`run\` of /bin/true, ${window} at a time`,
          unit: 'containers/s',
          figure: 'median',
          better: 'more',
          reference: bench.reference,
          series: { title: 'Containers per second', axis: '`run`s at a time', x: window },
        },
        {
          id: `parallel-cpu-${window}`,
          title: `Processor time of a \`run\`, ${window} at a time`,
          unit: 'ms',
          figure: 'median',
          better: 'less',
          reference: bench.reference,
          series: { title: 'Processor time of a container', axis: '`run`s at a time', x: window },
        },
      ],
    },
    contenders,
  )
}
