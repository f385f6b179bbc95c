import { amount, type Bench, expectSuccess, type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { openPodman } from '../lib/podman.ts'
import type { Measurement, Quantity } from '../lib/results.ts'

/** Containers in a row before the next runtime has its turn. */
const BLOCK = 10

export const podman: Point = {
  name: 'podman',
  summary: '`podman run --rm`, single and 100 in a row, with each runtime',
  measure: async bench => {
    const blocks = rounds(bench, 10)
    const block = amount(bench, BLOCK, 2)
    const common = { better: 'less', reference: bench.reference } as const
    const single: Quantity = {
      ...common,
      id: 'podman',
      title: '`podman run --rm` of /bin/true',
      unit: 'ms',
      figure: 'median',
      note: 'Without network and seccomp.',
    }
    const row: Quantity = {
      ...common,
      id: 'podman-sequential',
      title: `${blocks * block} sequential \`podman run --rm\` of /bin/true`,
      unit: 's',
      figure: 'total',
      note: `Wall time as minutes:seconds, in blocks of ${block} that take turns.`,
    }
    const engine = openPodman(bench.directory, bench.bundles.rootfs)
    if (typeof engine === 'string')
      return [single, row].map(quantity => ({ ...quantity, rows: [], unavailable: engine }))
    try {
      const measure = (quantity: Quantity, count: number, times: number): Promise<Measurement[]> =>
        compare(bench, { title: quantity.id, rounds: times, quantities: [quantity] }, contenders(bench, engine, count))
      return [...(await measure(single, 1, rounds(bench, 20))), ...(await measure(row, block, blocks))]
    } finally {
      engine.close()
    }
  },
}

function contenders(
  { runtimes, launcher }: Bench,
  engine: Exclude<ReturnType<typeof openPodman>, string>,
  count: number,
) {
  return runtimes.map(runtime => {
    const words = engine.command(runtime, 'run', '--rm', '--network', 'none')
    const command = [...words, engine.image, '/bin/true']
    const commands = Array.from({ length: count }, () => command)
    const env = Object.entries(engine.env).map(([name, value]) => `${name}=${value}`)
    const launch = launcher.prepare(commands, 1, env)
    return {
      subject: runtime,
      measure: () => {
        const sample = launch.run()
        expectSuccess(sample, command, engine.env)
        return [sample.milliseconds]
      },
    }
  })
}
