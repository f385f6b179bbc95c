import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Bench, type Point, rounds } from '../lib/bench.ts'
import { type Contender, compare } from '../lib/compare.ts'
import { runCommands, single } from '../lib/contenders.ts'
import type { Measurement, Quantity, Subject } from '../lib/results.ts'

type Library = typeof import('../../src/entry/library.ts')

const subject: Subject = { name: 'tsrun-library', label: 'tsrun, in a running Node.js', kind: 'tsrun' }

/** Calls before the first measured one: a service that starts containers has started some already. */
const WARM_UP = 100

export const library: Point = {
  name: 'library',
  summary: 'a container started from inside a running Node.js, by dist/library.js',
  measure: async bench => {
    const quantity: Quantity = {
      id: 'library',
      title: 'One container, started from a running Node.js or by a command',
      unit: 'ms',
      figure: 'median',
      better: 'less',
      reference: bench.floor && 'floor',
      note: `In Node.js ${WARM_UP} calls go ahead of the measured ones; the floor and the commands are started from outside.`,
    }
    const path = join(bench.options.dist, 'library.js')
    if (!existsSync(path)) return [{ ...quantity, rows: [], unavailable: `there is no ${path}` }]
    const loaded = (await import(pathToFileURL(path).href)) as Library
    return measure(bench, quantity, loaded)
  },
}

function measure(bench: Bench, quantity: Quantity, loaded: Library): Promise<Measurement[]> {
  const commands = runCommands(bench, 'lib').map(({ subject, words }) =>
    single(bench, subject, words(), ({ milliseconds }) => [milliseconds]),
  )
  const contenders = [inProcess(bench, loaded), ...commands]
  return compare(
    bench,
    { title: 'library', rounds: rounds(bench, 40), warmUp: WARM_UP, quantities: [quantity] },
    contenders,
  )
}

function inProcess({ bundle, tag, directory }: Bench, { Runtime }: Library): Contender {
  const runtime = new Runtime({ root: join(directory, 'library') })
  return {
    subject,
    measure: async () => {
      const before = process.hrtime.bigint()
      const { code } = await runtime.run({ id: `${tag}-inside`, bundle, stdout: 'ignore', stderr: 'ignore' })
      const nanoseconds = process.hrtime.bigint() - before
      if (code !== 0) throw new Error(`the container ended with exit code ${code}`)
      return [Number(nanoseconds) / 1e6]
    },
  }
}
