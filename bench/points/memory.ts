import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, must, type Point, rounds } from '../lib/bench.ts'
import { type Contender, compare } from '../lib/compare.ts'
import { runCommands, single } from '../lib/contenders.ts'
import type { Measurement } from '../lib/results.ts'
import type { Runtime } from '../lib/runtimes.ts'

export const memory: Point = {
  name: 'memory',
  summary: "the runtime's peak memory during `run`, and what a created container holds until it is started",
  measure: async bench => [...(await peak(bench)), ...(await created(bench))],
}

function peak(bench: Bench): Promise<Measurement[]> {
  return compare(
    bench,
    {
      title: 'peak memory',
      rounds: rounds(bench, 10),
      quantities: [
        {
          id: 'peak-memory',
          title: 'Peak memory of the runtime during `run`',
          unit: 'KiB',
          figure: 'median',
          better: 'less',
          reference: bench.reference,
          note: 'Resident memory of the largest process, as wait4(2) reports it for the command and all it waited for.',
        },
      ],
    },
    runCommands(bench, 'peak').map(({ subject, words }) => single(bench, subject, words(), ({ peakKiB }) => [peakKiB])),
  )
}

function created(bench: Bench): Promise<Measurement[]> {
  return compare(
    bench,
    {
      title: 'created container',
      rounds: rounds(bench, 5),
      quantities: [
        {
          id: 'created-memory',
          title: 'Memory of a created container that is not started',
          unit: 'KiB',
          figure: 'median',
          better: 'less',
          reference: bench.reference,
          note: 'Pss of smaps_rollup, summed over all processes in the container’s cgroup.',
        },
      ],
    },
    bench.runtimes.map(runtime => holder(bench, runtime)),
  )
}

function holder({ launcher, bundle, tag, directory }: Bench, runtime: Runtime): Contender {
  const id = `${tag}-hold`
  const pidFile = join(directory, `${runtime.name}.pid`)
  return {
    subject: runtime,
    measure: () => {
      must(launcher, runtime.command('create', '--bundle', bundle, '--pid-file', pidFile, id))
      const kibibytes = proportionalKiB(Number(readFileSync(pidFile, 'utf8')))
      must(launcher, runtime.command('delete', '--force', id))
      return [kibibytes]
    },
  }
}

/** What the processes in the cgroup of `pid` hold, shared pages counted in parts; see proc_pid_smaps_rollup(5). */
function proportionalKiB(pid: number): number {
  const cgroup = /^0::(.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1] ?? '/'
  const pids = readFileSync(`/sys/fs/cgroup${cgroup}/cgroup.procs`, 'utf8').trim().split('\n')
  const pss = (member: string) =>
    Number(/^Pss:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${member}/smaps_rollup`, 'utf8'))?.[1])
  return pids.map(pss).reduce((sum, kibibytes) => sum + kibibytes, 0)
}
