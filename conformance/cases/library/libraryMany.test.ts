// The library with many containers in one process. CYCLES sets how many lives one test lives; 1000 for the long run.

import { readdirSync, readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { removeLater } from '../../lib/container.ts'
import { configFor, openLibrary, shell } from '../../lib/library.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

const AT_ONCE = 50
/** What the event loop may be held up for. */
const BOUND_MS = 50
/** What memory may grow by while caches fill; a leak of a kilobyte per system call would be ten times that. */
const GROWTH_BYTES = 64 * 1024 * 1024
const CYCLES = Number(process.env['CYCLES'] ?? 100)

const it = test.skipIf(!isTsrun)
const runtime = openLibrary()
const id = () => removeLater(fresh())

/**
 * For how many milliseconds the main thread has been ready to run and had no processor (proc_pid_schedstat: the second field):
 * what other programs take, the containers included, is not the library's doing.
 */
function waitedForProcessor(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
}

/** Looks every millisecond how long the event loop was held up; gives the longest time, and the longest of our own doing. */
function watchEventLoop() {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  const longest = { total: 0, own: 0 }
  let last = { time: performance.now(), waited: waitedForProcessor() }
  const look = () => {
    const now = { time: performance.now(), waited: waitedForProcessor() }
    const total = now.time - last.time
    longest.total = Math.max(longest.total, total)
    longest.own = Math.max(longest.own, total - (now.waited - last.waited))
    last = now
  }
  const timer = setInterval(look, 1)
  return () => {
    look()
    clearInterval(timer)
    histogram.disable()
    return { ...longest, histogram: histogram.max / 1e6 }
  }
}

it(`${AT_ONCE} containers run at once, and the event loop is never held up`, async () => {
  const stop = watchEventLoop()
  const results = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, i) => runtime.run({ id: id(), config: shell(`sleep 1; echo ${i}`) })),
  )
  const delays = stop()
  expect(results.map(({ code, stdout }) => `${code} ${stdout}`)).toEqual(results.map((_, i) => `0 ${i}\n`))
  expect(await runtime.list()).toEqual([])
  console.log(`event loop, ms: ${JSON.stringify(delays)}`)
  expect(delays.own).toBeLessThan(BOUND_MS)
})

it('containers that are waited for take no thread each', async () => {
  const threads = () => readdirSync('/proc/self/task').length
  await runtime.run({ id: id(), config: shell('true') })
  const before = threads()
  const containers = await Promise.all(
    Array.from({ length: 20 }, () => runtime.create({ id: id(), config: configFor('sleep', '60'), stdout: 'ignore' })),
  )
  await Promise.all(containers.map(container => container.start()))
  const ends = containers.map(container => container.wait())
  expect(threads() - before).toBeLessThanOrEqual(2)
  await Promise.all(containers.map(container => container.delete({ force: true })))
  for (const end of ends) expect(await end).toMatchObject({ code: null, signal: 'SIGKILL' })
})

it(
  `${CYCLES} lives leave no descriptor, no mapping and no memory`,
  async () => {
    const live = async () => {
      expect(await runtime.run({ id: id(), config: configFor('true') })).toMatchObject({ code: 0 })
      await using container = await runtime.create({ id: id(), config: configFor('sleep', '60'), stdin: 'pipe' })
      await container.start()
      const program = await container.exec(['echo', 'hi'])
      expect(await program.output()).toMatchObject({ stdout: 'hi\n' })
    }
    for (let warm = 0; warm < 20; warm += 1) await live()
    const look = () => ({
      descriptors: readdirSync('/proc/self/fd').length,
      shared: readFileSync('/proc/self/maps', 'utf8').match(/memfd:arena/g)?.length ?? 0,
      rss: process.memoryUsage().rss,
    })
    const before = look()
    for (let cycle = 0; cycle < CYCLES; cycle += 1) await live()
    const after = look()
    console.log(`before and after ${CYCLES} lives: ${JSON.stringify([before, after])}`)
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2)
    expect(after.shared).toBeLessThanOrEqual(before.shared)
    expect(after.rss).toBeLessThan(before.rss + GROWTH_BYTES)
  },
  CYCLES * 3000,
)
