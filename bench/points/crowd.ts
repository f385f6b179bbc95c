import { type Bench, expectSuccess, type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { runCommands, single } from '../lib/contenders.ts'
import type { Measurement } from '../lib/results.ts'
import type { Runtime } from '../lib/runtimes.ts'

const BATCH = 10

export const crowd: Point = {
  name: 'crowd',
  summary: 'one `run` while 0, 100, 500 and 1000 other containers are alive',
  measure: async bench => {
    const sizes = bench.options.alive ?? (bench.options.quick ? [0, 50] : [0, 100, 500, 1000])
    const population = new Population(bench)
    const measurements: Measurement[] = []
    for (const size of [...sizes].sort((a, b) => a - b)) {
      await population.grow(size)
      measurements.push(...(await latency(bench, size)))
    }
    await population.remove()
    return measurements
  },
}

function latency(bench: Bench, size: number): Promise<Measurement[]> {
  return compare(
    bench,
    {
      title: `crowd of ${size}`,
      rounds: rounds(bench, 20),
      quantities: [
        {
          id: `crowd-${size}`,
          title: `One \`run\` beside ${size} containers`,
          unit: 'ms',
          figure: 'median',
          better: 'less',
          reference: bench.reference,
          series: { title: 'One `run` beside other containers', axis: 'containers alive', x: size },
          ...(size > 0 && { note: 'The containers were made by all runtimes in equal parts, and each sleeps.' }),
        },
      ],
    },
    runCommands(bench)
      .filter(({ subject }) => subject.name !== 'true')
      .map(({ subject, words }) => single(bench, subject, words(), ({ milliseconds }) => [milliseconds])),
  )
}

/** Sleeping containers, dealt out to the runtimes in turn, so that everybody is measured on the same machine. */
class Population {
  readonly #bench: Bench
  readonly #bundle: string
  readonly #members: { runtime: Runtime; id: string }[] = []
  readonly #unable = new Set<Runtime>()

  constructor(bench: Bench) {
    this.#bench = bench
    this.#bundle = bench.bundles.make('sleep', ['/bin/sleep', '100000'])
  }

  async grow(size: number): Promise<void> {
    const { progress } = this.#bench
    progress.begin(`crowd of ${size}: starting`, Math.ceil((size - this.#members.length) / BATCH))
    while (this.#members.length < size) {
      progress.step(`${this.#members.length} of ${size}`)
      await this.#bench.turn()
      const missing = Math.min(BATCH, size - this.#members.length)
      for (let i = 0; i < missing; i++) this.#add()
    }
    progress.end()
  }

  /** One more, by the runtime whose turn it is; one that can't is left out from then on. */
  #add(): void {
    const { runtimes, tag } = this.#bench
    const able = runtimes.filter(runtime => !this.#unable.has(runtime))
    const runtime = able[this.#members.length % able.length]
    if (runtime === undefined) throw new Error('no runtime can start a container in the background')
    const id = `${tag}-c${this.#members.length}`
    const words = runtime.command('run', '--detach', '--bundle', this.#bundle, id)
    try {
      expectSuccess(this.#bench.launcher.prepare([words]).run(), words)
      this.#members.push({ runtime, id })
    } catch (error) {
      this.#unable.add(runtime)
      this.#bench.note(`crowd: ${runtime.name} started no container of it: ${(error as Error).message}`)
    }
  }

  async remove(): Promise<void> {
    const { progress, launcher } = this.#bench
    progress.begin('crowd: removing', Math.ceil(this.#members.length / BATCH))
    while (this.#members.length > 0) {
      const batch = this.#members.splice(-BATCH)
      progress.step(`${this.#members.length} left`)
      await this.#bench.turn()
      launcher
        .prepare(
          batch.map(({ runtime, id }) => runtime.command('delete', '--force', id)),
          2,
        )
        .run()
    }
    progress.end()
  }
}
