// Many containers alive, and many lives one after the other.

import { readFileSync } from 'node:fs'
import { cgroup2Mount, hostMounts } from '../lib/machine.ts'
import { Count, type Part } from './part.ts'
import type { Place } from './place.ts'

const ALIVE = 1000
const KIBIBYTE = 1024

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0

function timed(work: () => void): number {
  const begin = performance.now()
  work()
  return performance.now() - begin
}

/** What is in use on the whole machine. Others are at work, so only a trend over many lives says something. */
function usage(): Record<string, number> {
  const number = (path: string, pattern: RegExp) => Number(pattern.exec(readFileSync(path, 'utf8'))?.[1] ?? Number.NaN)
  return {
    'available KiB': number('/proc/meminfo', /^MemAvailable:\s+(\d+)/m),
    'unreclaimable slab KiB': number('/proc/meminfo', /^SUnreclaim:\s+(\d+)/m),
    'per-cpu KiB': number('/proc/meminfo', /^Percpu:\s+(\d+)/m),
    'open files': number('/proc/sys/fs/file-nr', /^(\d+)/),
    mounts: hostMounts().length,
    cgroups: number(`${cgroup2Mount()}/cgroup.stat`, /^nr_descendants (\d+)/m),
    'dying cgroups': number(`${cgroup2Mount()}/cgroup.stat`, /^nr_dying_descendants (\d+)/m),
  }
}

/** Memory of a process that nobody shares, in bytes. */
function privateBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const kilobytes = ['Private_Clean', 'Private_Dirty'].map(name =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1]),
  )
  return kilobytes.reduce((sum, value) => sum + value, 0) * KIBIBYTE
}

function measureAlive(place: Place, ids: readonly string[], before: Record<string, number>): string[] {
  const last = ids.at(-1)!
  const list = Array.from({ length: 5 }, () => timed(() => place.must('list')))
  const state = Array.from({ length: 20 }, () => timed(() => place.must('state', last)))
  const own = ids.slice(-20).map(id => privateBytes(place.pid(id)))
  const machine = (before['available KiB']! - usage()['available KiB']!) / ids.length
  return [
    `${(median(own) / KIBIBYTE).toFixed(0)} KiB of its own per program`,
    `${machine.toFixed(0)} KiB of the machine per container`,
    `list ${median(list).toFixed(0)} ms`,
    `state ${median(state).toFixed(1)} ms`,
  ]
}

export const alive: Part = {
  name: 'alive',
  what: `up to ${ALIVE} containers alive at once`,
  async run(place, goesOn) {
    const count = new Count()
    const bundle = place.bundle()
    const before = usage()
    const ids: string[] = []
    do {
      const id = place.id()
      place.must('create', '--bundle', bundle, id)
      if (ids.length % 10 === 0) count.notes[0] = `created: ${(privateBytes(place.pid(id)) / KIBIBYTE).toFixed(0)} KiB`
      place.must('start', id)
      ids.push(id)
    } while (ids.length < ALIVE && goesOn())
    count.tries = ids.length
    const listed = place.must('list', '-q').trim().split('\n')
    count.whole = ids.filter(id => listed.includes(id)).length
    if (count.whole !== ids.length) count.problems.push(`${count.whole} of ${ids.length} are listed`)
    count.notes.push(...measureAlive(place, ids, before))
    const removed = timed(() => {
      for (const id of ids) place.must('delete', '--force', id)
    })
    count.notes.push(`delete ${(removed / ids.length).toFixed(1)} ms`)
    count.left.push(...place.left())
    return [{ name: 'containers', figures: count }]
  },
}

export const cycles: Part = {
  name: 'cycles',
  what: 'create, start and delete one after the other: memory, cgroups, mounts and files stay as they are',
  async run(place, goesOn) {
    const count = new Count()
    const bundle = place.bundle()
    const live = () => {
      const id = place.id()
      place.must('create', '--bundle', bundle, id)
      place.must('start', id)
      place.must('delete', '--force', id)
    }
    for (let warm = 0; warm < 5; warm += 1) live()
    const before = usage()
    const begin = performance.now()
    do {
      live()
      count.tries += 1
    } while (goesOn())
    const seconds = (performance.now() - begin) / 1000
    const after = usage()
    count.nothing = count.tries
    count.notes.push(`${seconds.toFixed(0)} s`)
    for (const [name, value] of Object.entries(after)) count.notes.push(`${name} ${before[name]} → ${value}`)
    count.left.push(...place.left())
    if (after['mounts']! > before['mounts']! + 20) count.problems.push('mounts become more')
    return [{ name: 'lives', figures: count }]
  },
}
