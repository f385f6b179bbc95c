import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isAlive } from '../../conformance/lib/machine.ts'
import { eventually } from '../../conformance/lib/run.ts'
import { type Bench, expectSuccess, type Point, rounds } from '../lib/bench.ts'
import { type Contender, compare } from '../lib/compare.ts'
import type { Runtime } from '../lib/runtimes.ts'

const verbs = ['create', 'start', 'delete'] as const

export const lifecycle: Point = {
  name: 'lifecycle',
  summary: '`create`, `start` and `delete` apart, as engines call them',
  measure: bench =>
    compare(
      bench,
      {
        title: 'lifecycle',
        rounds: rounds(bench, 30),
        quantities: verbs.map(verb => ({
          id: verb,
          title: `\`${verb}\``,
          unit: 'ms',
          figure: 'median' as const,
          better: 'less' as const,
          reference: bench.reference,
        })),
      },
      bench.runtimes.map(runtime => contender(bench, runtime)),
    ),
}

/** All three for one container per round; between start and delete its program ends by itself. */
function contender({ launcher, bundle, tag, directory }: Bench, runtime: Runtime): Contender {
  const id = `${tag}-life`
  const pidFile = join(directory, `${runtime.name}.pid`)
  const commands = [
    runtime.command('create', '--bundle', bundle, '--pid-file', pidFile, id),
    runtime.command('start', id),
    runtime.command('delete', id),
  ]
  const launches = commands.map(words => launcher.prepare([words]))
  const step = (i: number) => {
    const sample = launches[i]!.run()
    expectSuccess(sample, commands[i]!)
    return sample.milliseconds
  }
  return {
    subject: runtime,
    measure: () => {
      const create = step(0)
      const pid = Number(readFileSync(pidFile, 'utf8'))
      const start = step(1)
      eventually('the program to end', () => !isAlive(pid))
      return [create, start, step(2)]
    },
  }
}
