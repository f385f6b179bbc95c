import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, type Point, rounds } from '../lib/bench.ts'
import { compare } from '../lib/compare.ts'
import { single } from '../lib/contenders.ts'
import type { Measurement, Quantity } from '../lib/results.ts'

const IN_CONTAINER = [1, 100, 1000]
const ON_HOST = 2000

export const mounts: Point = {
  name: 'mounts',
  summary: `one \`run\` with 1, 100 and 1000 bind mounts, and one on a host that has ${ON_HOST} mounts`,
  measure: async bench => {
    const source = join(bench.directory, 'source')
    mkdirSync(source, { recursive: true })
    const measurements: Measurement[] = []
    for (const count of IN_CONTAINER) measurements.push(...(await inContainer(bench, source, count)))
    using _ = fillHost(bench, source)
    return [...measurements, ...(await onHost(bench))]
  },
}

function inContainer(bench: Bench, source: string, count: number): Promise<Measurement[]> {
  const targets = Array.from({ length: count }, (_, i) => `/mounts/${i}`)
  for (const target of targets) mkdirSync(join(bench.bundles.rootfs, target), { recursive: true })
  const binds = targets.map(destination => ({ destination, source, type: 'bind', options: ['bind'] }))
  const bundle = bench.bundles.make(`mounts-${count}`, ['/bin/true'], config => {
    config.mounts = [...(config.mounts ?? []), ...binds]
  })
  return runs(bench, bundle, {
    id: `mounts-${count}`,
    title: `One \`run\` with ${count} bind mounts`,
    series: { title: 'One `run` with bind mounts', axis: 'bind mounts', x: count },
  })
}

function onHost(bench: Bench): Promise<Measurement[]> {
  return runs(bench, bench.bundle, { id: `host-mounts-${ON_HOST}`, title: `One \`run\` beside ${ON_HOST} mounts` })
}

function runs(bench: Bench, bundle: string, about: Pick<Quantity, 'id' | 'title' | 'series'>): Promise<Measurement[]> {
  const { runtimes, tag, reference } = bench
  const quantity: Quantity = { ...about, unit: 'ms', figure: 'median', better: 'less', reference }
  const contenders = runtimes.map(runtime => {
    const words = runtime.command('run', '--bundle', bundle, `${tag}-${about.id}`)
    return single(bench, runtime, words, ({ milliseconds }) => [milliseconds])
  })
  return compare(bench, { title: about.id, rounds: rounds(bench, 20), quantities: [quantity] }, contenders)
}

/** Mounts below a directory of their own, in the view that only the benchmark has; they go with it. */
function fillHost({ directory, bundles }: Bench, source: string): Disposable {
  const busybox = join(bundles.rootfs, 'bin/busybox')
  const host = join(directory, 'host')
  for (let i = 0; i < ON_HOST; i++) mkdirSync(join(host, String(i)), { recursive: true })
  const script = `"$0" mount -o bind "$1" "$1"; i=0; while [ $i -lt ${ON_HOST} ]; do "$0" mount -o bind "$2" "$1/$i"; i=$((i + 1)); done`
  const { status, stderr } = spawnSync(busybox, ['sh', '-e', '-c', script, busybox, host, source], { encoding: 'utf8' })
  const remove = () => void spawnSync(busybox, ['umount', '-l', host])
  if (status !== 0) {
    remove()
    throw new Error(`the mounts could not be made: ${stderr.trim()}`)
  }
  return { [Symbol.dispose]: remove }
}
