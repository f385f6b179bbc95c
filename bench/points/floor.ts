import { spawnSync } from 'node:child_process'
import { type Bench, type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { runCommands, single } from '../lib/contenders.ts'
import { differences, PROBE } from '../lib/probe.ts'
import type { Quantity } from '../lib/results.ts'

/** Is the floor's container the same as tsrun's? Only then does a comparison of times mean anything. */
export const floor: Point = {
  name: 'floor',
  summary: 'tsrun beside a C program that makes the same container without deciding anything',
  measure: async bench => {
    const quantity: Quantity = {
      id: 'floor',
      title: 'One `run` as a multiple of the floor',
      unit: 'ms',
      figure: 'median',
      better: 'less',
      reference: 'floor',
      note: 'The floor’s container was compared with tsrun’s from inside: mounts, devices, masked and read-only paths, namespaces, identity, limits and network are the same.',
    }
    if (bench.floor === undefined) return [{ ...quantity, rows: [], unavailable: 'bench/floor.c was not compiled' }]
    const found = compareInside(bench)
    if (found.length > 0)
      return [{ ...quantity, rows: [], unavailable: `the floor’s container differs from tsrun’s: ${found.join('; ')}` }]
    const contenders = runCommands(bench, 'floor').map(({ subject, words }) =>
      single(bench, subject, words(), ({ milliseconds }) => [milliseconds]),
    )
    return compare(bench, { title: 'floor', rounds: rounds(bench, 40), warmUp: 2, quantities: [quantity] }, contenders)
  },
}

/** Runs the probe in both and gives what is different. */
function compareInside({ bundles, floor, runtimes, tag }: Bench): string[] {
  const program = ['/bin/sh', '-c', PROBE]
  const bundle = bundles.make('probe', program)
  const tsrun = runtimes.find(({ kind }) => kind === 'tsrun')
  if (tsrun === undefined) return ['there is no tsrun to compare with']
  const ours = output(tsrun.command('run', '--bundle', bundle, `${tag}-probe`))
  const theirs = output(floor!.command(bundle, `${tag}-probe`, program))
  return differences(ours, theirs)
}

function output(words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(words[0]!, words.slice(1), {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  })
  if (status !== 0) throw new Error(`${words[0]}: exit code ${status}: ${stderr.trim()}`)
  return stdout
}
