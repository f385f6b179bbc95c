// Who usually takes part, and with which command.

import { type Bench, expectSuccess, must } from './bench.ts'
import type { Contender } from './compare.ts'
import type { Sample } from './launcher.ts'
import type { Subject } from './results.ts'
import type { Runtime } from './runtimes.ts'

/** The same program without any container: what starting and waiting costs by itself. */
const nothing: Subject = { name: 'true', label: '/bin/true, no container', kind: 'bound' }

/** `run` of the bundle with /bin/true, one command per subject, with an id that begins with `id`. */
export function runCommands(bench: Bench, id = 'run'): { subject: Subject; words(suffix?: string): string[] }[] {
  const { runtimes, floor, bubblewrap, bundle, tag, bundles } = bench
  const name = (suffix: string) => `${tag}-${id}${suffix}`
  return [
    ...runtimes.map(runtime => ({
      subject: runtime,
      words: (suffix = '') => runtime.command('run', '--bundle', bundle, name(suffix)),
    })),
    ...(bubblewrap ? [{ subject: bubblewrap.subject, words: () => bubblewrap.command(bundles.rootfs) }] : []),
    ...(floor ? [{ subject: floor.subject, words: (suffix = '') => floor.command(bundle, name(suffix)) }] : []),
    { subject: nothing, words: () => [`${bundles.rootfs}/bin/true`] },
  ]
}

/** Measures one prepared command: `values` of its sample. It has to succeed. */
export function single(
  { launcher }: Bench,
  subject: Subject,
  words: readonly string[],
  values: (sample: Sample) => number[],
): Contender {
  const launch = launcher.prepare([words])
  return {
    subject,
    measure: () => {
      const sample = launch.run()
      expectSuccess(sample, words)
      return values(sample)
    },
  }
}

/** `command` on a container that sleeps, which the runtime has started before: the time of it. */
export function onSleeper(bench: Bench, runtime: Runtime, command: (id: string) => readonly string[]): Contender {
  const { bundles, launcher, tag } = bench
  const bundle = bundles.make('sleep', ['/bin/sleep', '100000'])
  const id = `${tag}-sleeper-${runtime.name}`
  const contender = single(bench, runtime, runtime.command(...command(id)), ({ milliseconds }) => [milliseconds])
  let ready = false
  return {
    subject: runtime,
    measure: () => {
      if (!ready) must(launcher, runtime.command('run', '--detach', '--bundle', bundle, id))
      ready = true
      return contender.measure()
    },
  }
}
