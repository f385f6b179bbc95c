// `events`: runc's lines, which callers parse, and lines with the names of cgroup version 2. crun has none.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Config } from '../../lib/config.ts'
import { create, createRunning, oci } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { cgroup2Mount, isPureV2, remembersExits } from '../../lib/machine.ts'
import { launch, type Running, sleep } from '../../lib/run.ts'
import { isCrun, isTsrun, runtime } from '../../lib/runtime.ts'
import { fresh, stateRoot } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

interface Line {
  type: string
  id: string
  time?: string
  // biome-ignore lint/suspicious/noExplicitAny: it is whatever JSON was printed
  data?: any
}

const controllers = readFileSync(join(cgroup2Mount() ?? '/nowhere', 'cgroup.controllers'), 'utf8')
  .trim()
  .split(' ')
const missing = ['memory', 'pids', 'cpu', 'io'].filter(name => !controllers.includes(name))
const reason = missing.length > 0 ? ` (skipped: ${missing.join(', ')} not in the version 2 tree)` : ''

const MiB = 1 << 20

function limits(resources: object): (config: Config) => void {
  return config => Object.assign(config.linux.resources!, resources)
}

function stats(id: string, ...flags: string[]): Line {
  const { status, stdout, stderr } = oci(['events', '--stats', ...flags, id])
  if (status !== 0) throw new Error(stderr)
  expect(stdout.trimEnd().split('\n')).toHaveLength(1)
  return JSON.parse(stdout)
}

function watch(id: string, ...flags: string[]): Running {
  return launch([runtime.path, '--root', stateRoot, 'events', ...flags, id])
}

/** The lines of a stream that has ended by itself. */
async function linesOf({ done }: Running): Promise<Line[]> {
  const { status, stdout, stderr } = await done
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
    .trimEnd()
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

describe.skipIf(isCrun)('events', () => {
  leavesNothing()

  test.skipIf(!isTsrun && !isPureV2())('--stats is one line with the fields of runc', () => {
    const { id } = createRunning()
    const { type, id: told, data } = stats(id)
    expect([type, told]).toEqual(['stats', id])
    expect(Object.keys(data)).toEqual('cpu cpuset memory pids blkio hugetlb intel_rdt network_interfaces'.split(' '))
    expect(data.cpu).toMatchObject({ usage: { kernel: expect.any(Number), user: expect.any(Number) }, throttling: {} })
    expect(data.pids.current).toBeGreaterThanOrEqual(1)
    expect(data.network_interfaces).toBeNull()
  })

  test('lines come at the interval, and the stream ends with the container', async () => {
    const container = createRunning()
    const running = watch(container.id, '--interval', '100ms')
    await running.speaks
    sleep(500)
    container.kill('KILL')
    const lines = await linesOf(running)
    expect(lines.length).toBeGreaterThan(1)
    expect(lines.every(({ type, id }) => type === 'stats' && id === container.id)).toBe(true)
  })

  test('a stopped container has none, nor has a missing one', () => {
    const container = create(['true'])
    container.start()
    container.until('stopped')
    expectOneSentence(oci(['events', container.id]), /container not running/)
    expectOneSentence(oci(['events', '--stats', container.id]), /container not running/)
    expectOneSentence(oci(['events', fresh()]), /container `\S+` does not exist/)
  })

  test('an interval of nothing is an error', () => {
    const { id } = createRunning()
    expectOneSentence(oci(['events', '--interval', '0s', id]), /--interval takes a time such as 5s/)
    expectOneSentence(oci(['events', '--interval', 'soon', id]), /--interval takes a time such as 5s/)
  })

  describe.skipIf(!isTsrun)('--format v2 (tsrun only)', () => {
    test('tells pauses and the exit code, and sleeps meanwhile', async () => {
      const container = createRunning()
      const running = watch(container.id, '--format', 'v2', '--interval', '200ms')
      await running.speaks
      oci(['pause', container.id])
      oci(['resume', container.id])
      sleep(300)
      container.kill('TERM')
      const lines = await linesOf(running)
      expect(lines.filter(({ type }) => type !== 'stats')).toMatchObject([
        { type: 'paused', id: container.id },
        { type: 'resumed', id: container.id },
        { type: 'exit', id: container.id, data: { code: remembersExits() ? 0 : expect.toBeOneOf([0, null]) } },
      ])
      expect(lines.every(({ time }) => !Number.isNaN(Date.parse(time!)))).toBe(true)
    })

    test('--stats has the names of version 2', () => {
      const { id } = createRunning()
      const { data } = stats(id, '--format', 'v2')
      expect(data.cpu.stat).toMatchObject({ usage_usec: expect.any(Number), system_usec: expect.any(Number) })
    })
  })

  describe.skipIf(missing.length > 0)(`of limits${reason}`, () => {
    test('--stats of all controllers', () => {
      const script = "cat /bin/busybox > /copy; trap 'exit 0' TERM; while :; do sleep 0.05; done"
      const { id } = createRunning(limits({ memory: { limit: 64 * MiB, swap: 96 * MiB }, pids: { limit: 50 } }), script)
      const { data } = stats(id)
      expect(data.memory.usage).toMatchObject({ limit: 64 * MiB, usage: expect.any(Number), failcnt: 0 })
      expect(data.memory.swap.limit).toBe(96 * MiB)
      expect(data.memory.raw).toMatchObject({ anon: expect.any(Number), file: expect.any(Number) })
      expect(data.pids).toEqual({ current: expect.any(Number), limit: 50 })
    })

    test('--stats knows no limit as the highest number', () => {
      const { id } = createRunning(limits({ memory: { reservation: MiB } }))
      const { stdout } = oci(['events', '--stats', id])
      expect(stdout).toContain('"usage":{"limit":18446744073709551615,')
      expect(JSON.parse(stdout).data.pids).not.toHaveProperty('limit')
    })

    test('a process that is killed for lack of memory is an oom event', async () => {
      const script = 'trap : USR1; sleep 1000 & wait; tail -c 64m /dev/zero; sleep 0.2; exit 5'
      const container = createRunning(limits({ memory: { limit: 16 * MiB, swap: 16 * MiB } }), script)
      const running = watch(container.id, '--interval', '100ms')
      await running.speaks
      container.kill('USR1')
      const lines = await linesOf(running)
      expect(lines.filter(({ type }) => type === 'oom').length).toBeGreaterThan(0)
    })

    test.skipIf(!isTsrun)('v2 tells what was met, and how many died of it', async () => {
      const script =
        'trap : USR1; sleep 1000 & wait; tail -c 64m /dev/zero; for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait; exit 5'
      const resources = { memory: { limit: 16 * MiB, swap: 16 * MiB }, pids: { limit: 6 } }
      const container = createRunning(limits(resources), script)
      const running = watch(container.id, '--format', 'v2', '--interval', '100ms')
      await running.speaks
      container.kill('USR1')
      const lines = await linesOf(running)
      const of = (wanted: string) => lines.filter(({ type }) => type === wanted).map(({ data }) => data)
      expect(of('memory').at(-1)).toMatchObject({ oom_kill: 1 })
      expect(of('oom')).toEqual([{ kills: 1 }])
      expect(of('pids').at(-1).max).toBeGreaterThan(0)
      expect(lines.at(-1)).toMatchObject({ type: 'exit' })
    })
  })
})
