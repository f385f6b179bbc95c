import { expect, test } from 'vitest'
import { ENOSPC, EPERM } from '../../../native/abi/errno.ts'
import { createKernel } from '../../../native/kernel.ts'
import { DirectCalls } from '../../../native/kernels/direct.ts'
import { decode } from '../../../native/utf8.ts'
import {
  ID,
  leftovers,
  plain,
  ROOT,
  type Scene,
  scene,
  type SceneVariant,
  variants,
} from '../../../testing/scenes/faults.scene.ts'
import { createContainer } from '../../container/create.ts'
import { createLog } from '../../log/log.ts'
import { createRuntime } from '../../runtime.ts'
import { type TraceRequest, traceCommand } from './command.ts'

const FILE = '/run/trace.json'
const requestFor = ({ consoleSocket }: Scene) => ({ id: ID, bundle: '/bundle', consoleSocket })

interface Event {
  name: string
  cat?: string
  ph: string
  tid: number
  ts: number
  dur: number
  args: Record<string, unknown>
}

/** Every look at the clock of the world takes a microsecond. */
function letTimePass({ host: { world } }: Scene): void {
  let time = 0
  Object.defineProperty(world, 'clock', { get: () => (time += 0.001), set: (next: number) => (time = next) })
}

/** Creates a container with a trace; gives what was printed. */
async function create(one: Scene, wanted: Partial<TraceRequest> = {}): Promise<string> {
  let stderr = ''
  const stderrTakes = (text: string) => {
    stderr += text
  }
  const output = { append() {}, send() {}, stdout() {}, stderr: stderrTakes }
  const log = createLog(output, { file: undefined, format: 'text', level: 'debug' })
  const kernel = createKernel(new DirectCalls(one.host))
  await traceCommand(one.host, kernel, { file: FILE, log, debug: false, ...wanted }, async ({ host, ...traced }) => {
    createContainer(createRuntime(host, { root: ROOT, ...traced }), requestFor(one))
  })
  return stderr
}

function read({ runtime }: Scene, file = FILE): Event[] {
  return JSON.parse(decode(runtime.outside.readFile(-100, file))).traceEvents
}

function slices(one: Scene): Event[] {
  return read(one).filter(({ ph }) => ph === 'X')
}

/** What each process did, without what the trace adds. Messages to executors hold addresses, the state the time. */
function deeds({ host: { world } }: Scene): Map<number, string[]> {
  const all = new Map<number, string[]>()
  for (const { pid, name, texts } of world.log) {
    if (name === 'clock_gettime' || name === 'getpid') continue
    const shown = texts.filter(text => !text.includes('\0')).map(text => text.replace(/"created":"[^"]*"/, ''))
    all.set(pid, [...(all.get(pid) ?? []), [name, ...shown].join(' ')])
  }
  return all
}

const withHooks = variants.find(({ name }) => name === 'with hooks')!

test.each(variants)('a trace changes nothing of what is done $name', async variant => {
  using bare = scene(variant)
  createContainer(bare.runtime, requestFor(bare))
  bare.host.world.settle()
  using one = scene(variant)
  await create(one, { file: undefined, debug: true })
  one.host.world.settle()
  expect(deeds(one)).toEqual(deeds(bare))
})

test.each(variants)('the file is a trace whose slices are in order and nest, $name', async variant => {
  using one = scene(variant)
  letTimePass(one)
  await create(one)
  const found = slices(one)
  expect(found.map(({ ts }) => ts)).toEqual(found.map(({ ts }) => ts).sort((a, b) => a - b))
  for (const tid of new Set(found.map(slice => slice.tid))) {
    const open: Event[] = []
    for (const slice of found.filter(other => other.tid === tid)) {
      while (open.length > 0 && end(open.at(-1)!) <= Math.round(slice.ts * 1000)) open.pop()
      expect(slice.dur).toBeGreaterThanOrEqual(0)
      if (open.length > 0) expect(end(open.at(-1)!)).toBeGreaterThanOrEqual(end(slice))
      open.push(slice)
    }
  }
})

/** Nanoseconds. */
function end({ ts, dur }: Event): number {
  return Math.round((ts + dur) * 1000)
}

test('planner and executor have a thread each, with phases, phrases, exchanges and calls', async () => {
  using one = scene(withHooks)
  letTimePass(one)
  await create(one)
  const events = read(one)
  const threads = events.filter(({ name }) => name === 'thread_name').map(({ args }) => args['name'])
  expect(threads.slice(0, 3)).toEqual(['planner', 'executor', 'executor, without the planner'])
  const named = (tid: number, cat: string) =>
    events.filter(event => event.tid === tid && event.cat === cat).map(({ name }) => name)
  expect(named(1, 'phase')).toEqual(expect.arrayContaining(['read config.json', 'plan', 'mounts and devices', 'tail']))
  expect(named(1, 'phrase')).toContain('running prestart hook #0: `/hook`')
  expect(named(2, 'phrase')).toEqual(expect.arrayContaining(['mount `/proc`', 'device `/dev/fuse`']))
  expect(named(1, 'trip').length).toBe(named(2, 'batch').length)
  const mount = events.find(({ name, args }) => name === 'fsmount' && args['doing'] === 'mount `/proc`')!
  expect(mount).toMatchObject({ tid: 2, args: { call: expect.stringMatching(/^fsmount\(\d+<proc>, .*\) = \d+$/) } })
  const spawn = events.find(({ name }) => name === 'posix_spawn')!
  expect(spawn.args['call']).toMatch(/^posix_spawn\("\/proc\/self\/fd\/\d+", \["tsrun"\]\) = \d+$/)
})

test('arrows lead from the waiting planner to the batch', async () => {
  using one = scene(plain)
  letTimePass(one)
  await create(one)
  const arrows = read(one).filter(({ cat }) => cat === 'flow') as (Event & { id: number })[]
  const ids = (ph: string) => arrows.filter(arrow => arrow.ph === ph).map(({ id }) => id)
  expect(ids('s').length).toBeGreaterThan(2)
  expect(ids('f')).toEqual(ids('s'))
})

test('calls of a batch have times of their own', async () => {
  using one = scene(plain)
  letTimePass(one)
  await create(one)
  const calls = slices(one).filter(({ tid, cat }) => tid === 2 && cat === 'call')
  expect(new Set(calls.map(({ ts }) => ts)).size).toBe(calls.length)
})

test('a command that fails leaves its trace, with the failed call, and fails as before', async () => {
  const at = await callNumber(plain, 'move_mount')
  using one = scene(plain)
  one.host.failAt(at, EPERM)
  await expect(create(one)).rejects.toThrow('move_mount')
  one.host.world.settle()
  expect(leftovers(one.host)).toEqual([])
  const found = slices(one)
  expect(found[0]!.args['error']).toMatch(/move_mount .*EPERM/)
  expect(found.find(({ name }) => name === 'move_mount EPERM')!.args).toMatchObject({ outcome: 'failed' })
  expect(
    found.find(({ cat, args }) => cat === 'batch' && args['error'] !== undefined)!.args['notMade'],
  ).toBeGreaterThan(0)
  // What the keeper took back.
  expect(found.filter(({ tid, name }) => tid > 2 && name === 'unlinkat').length).toBeGreaterThan(0)
})

/** The number of the first such call of a traced create. */
async function callNumber(variant: SceneVariant, call: string, text = ''): Promise<number> {
  using one = scene(variant)
  await create(one)
  return one.host.world.log.find(({ name, texts }) => name === call && texts.join().includes(text))!.number
}

test('a file that can not be made is an error before anything is done', async () => {
  using one = scene(plain)
  const missing = create(one, { file: '/missing/trace.json' })
  await expect(missing).rejects.toThrow(
    '--trace: `/missing/trace.json` can not be written: ENOENT (the directory is missing)',
  )
  expect(one.host.world.log.map(({ name }) => name)).not.toContain('posix_spawn')
})

test('a file that can not be written in the end is a warning', async () => {
  using whole = scene(plain)
  await create(whole)
  const { log } = whole.host.world
  const last = log.findLast(({ name, who }) => name === 'write' && who === 'planner')!.number
  using one = scene(plain)
  one.host.failAt(last, ENOSPC)
  expect(await create(one)).toBe('tsrun: warning: --trace: write `/run/trace.json`: ENOSPC\n')
})

test('in a directory the file is named after the process', async () => {
  using one = scene(plain)
  await create(one, { file: '/run' })
  expect(read(one, `/run/${one.host.world.planner.pid}.json`).length).toBeGreaterThan(100)
})

test('at level debug a timeline is printed', async () => {
  using one = scene(plain)
  letTimePass(one)
  const lines = (await create(one, { file: undefined, debug: true })).split('\n')
  expect(lines[0]).toMatch(/^tsrun: debug: +at ms +ms +calls +trips$/)
  expect(lines.find(line => line.endsWith('  mounts and devices'))).toMatch(/ \d+\.\d{3} +\d+\.\d{3} +\d+ +\d+ /)
  expect(lines.some(line => line.includes('device `/dev/fuse`'))).toBe(true)
  expect(lines.some(line => /tolerated: .* = -1 ENOENT/.test(line))).toBe(true)
  expect(one.host.below('/run')).not.toContain(FILE)
})
