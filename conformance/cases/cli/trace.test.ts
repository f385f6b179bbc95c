import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeBundle, makeDirectory } from '../../lib/bundle.ts'
import { type Change, command, oci, removeLater } from '../../lib/container.ts'
import { expectOneSentence } from '../../lib/expect.ts'
import { type Result, run } from '../../lib/run.ts'
import { isTsrun } from '../../lib/runtime.ts'
import { fresh } from '../../lib/scene.ts'
import { leavesNothing } from '../../lib/snapshot.ts'

leavesNothing()

interface Event {
  name: string
  ph: string
  cat?: string
  tid: number
  ts: number
  dur: number
  args: Record<string, string>
}

function events(file: string): Event[] {
  return JSON.parse(readFileSync(file, 'utf8')).traceEvents
}

/** `tsrun OPTIONS run` of a program that prints something. */
function runWith(options: string[], change: Change = () => {}): Result {
  const bundle = makeBundle((config, rootfs) => {
    config.process.args = ['echo', 'hello']
    change(config, rootfs)
  })
  return run(command(...options, 'run', '--bundle', bundle.directory, removeLater(fresh())))
}

const missingSource: Change = config => {
  config.mounts.push({ destination: '/data', type: 'bind', source: '/nonexistent', options: ['bind'] })
}
const badOption: Change = config => {
  config.mounts.push({ destination: '/data', type: 'tmpfs', source: 'tmpfs', options: ['nonsense=1'] })
}

describe.skipIf(!isTsrun)('--trace and --debug (tsrun only)', () => {
  test('a trace has the phases of the planner and the calls of the executor', () => {
    const file = join(makeDirectory(), 'trace.json')
    expect(runWith(['--trace', file])).toMatchObject({ status: 0, stdout: 'hello\n', stderr: '' })
    const found = events(file)
    const names = (tid: number, cat: string) =>
      found.filter(event => event.tid === tid && event.cat === cat).map(({ name }) => name)
    expect(names(1, 'phase')).toEqual(
      expect.arrayContaining([
        'read config.json',
        'plan',
        'namespaces',
        'mounts and devices',
        'tail',
        'start',
        'remove',
      ]),
    )
    const mount = found.find(
      ({ tid, name, args }) => tid === 2 && name === 'fsmount' && args['doing']!.includes('`/proc`'),
    )
    expect(mount!.args['call']).toMatch(/^fsmount\(\d+<proc>, 1, \d+\) = \d+$/)
    expect(mount!.dur).toBeGreaterThan(0)
    const execve = found.find(({ name }) => name === 'execve')!
    expect(execve.args['call']).toMatch(/^execve\("\/bin\/echo", \["echo", "hello"\], \/\* \d+ vars \*\/\) = \?$/)
  })

  test('slices of a thread nest', () => {
    const file = join(makeDirectory(), 'trace.json')
    runWith(['--trace', file])
    const nanoseconds = (microseconds: number) => Math.round(microseconds * 1000)
    for (const tid of [1, 2, 3]) {
      const ends: number[] = []
      const slices = events(file).filter(event => event.ph === 'X' && event.tid === tid)
      expect(slices.length).toBeGreaterThan(2)
      for (const { ts, dur } of slices) {
        while (ends.length > 0 && ends.at(-1)! <= nanoseconds(ts)) ends.pop()
        if (ends.length > 0) expect(nanoseconds(ts + dur)).toBeLessThanOrEqual(ends.at(-1)!)
        ends.push(nanoseconds(ts + dur))
      }
    }
  })

  test.each([
    ['the planner', missingSource, 'open_tree ENOENT', 1],
    ['the executor', badOption, 'fsconfig EINVAL', 2],
  ] as const)('a failed call of %s is in the trace', (_, change, name, tid) => {
    const file = join(makeDirectory(), 'trace.json')
    const { status, stderr } = runWith(['--trace', file], change)
    expect(status).toBe(1)
    const found = events(file)
    expect(found.find(event => event.name === name)).toMatchObject({ tid, args: { outcome: 'failed' } })
    expect(stderr).toBe(`tsrun: ${found.find(({ cat }) => cat === 'root')!.args['error']}\n`)
  })

  test('a file that can not be made is an error before anything happens', () => {
    const result = runWith(['--trace', '/nonexistent/trace.json'])
    expectOneSentence(result, /--trace: `\/nonexistent\/trace.json` can not be written/)
    expect(result.stdout).toBe('')
  })

  test('a full disk is a warning, and the container has run', () => {
    const { status, stdout, stderr } = runWith(['--trace', '/dev/full'])
    expect([status, stdout]).toEqual([0, 'hello\n'])
    expect(stderr).toMatch(/^tsrun: warning: --trace: .*ENOSPC\n$/)
  })

  test('each command has a file of its own in a directory', () => {
    const directory = makeDirectory()
    const id = removeLater(fresh())
    const bundle = makeBundle(config => {
      config.process.args = ['true']
    })
    for (const words of [
      ['create', '--bundle', bundle.directory, id],
      ['start', id],
      ['delete', '--force', id],
    ])
      expect(run(command('--trace', directory, ...words)).status).toBe(0)
    const titles = readdirSync(directory).map(
      name => events(join(directory, name)).find(({ cat }) => cat === 'root')!.name,
    )
    expect(titles.map(title => title.split(`--trace ${directory} `)[1]!.split(' ')[0]).sort()).toEqual([
      'create',
      'delete',
      'start',
    ])
  })

  test('--debug prints a timeline', () => {
    const { status, stdout, stderr } = runWith(['--debug'])
    expect([status, stdout]).toEqual([0, 'hello\n'])
    const lines = stderr.trimEnd().split('\n')
    for (const line of lines) expect(line).toMatch(/^tsrun: debug: /)
    expect(stderr).toMatch(/ \d+\.\d{3} +\d+\.\d{3} +\d+ +\d+ +mounts and devices\n/)
    expect(stderr).toMatch(/ +round trip: \d+ calls\n/)
    expect(stderr).toMatch(/ +mount `\/proc`\n/)
    for (const words of ['nsexec container setup', 'child process in init()', 'init: closing the pipe'])
      expect(stderr).toContain(`level=debug msg="${words}`)
  })

  test('--debug with a log file keeps stderr for the container', () => {
    const log = join(makeDirectory(), 'log')
    const { stderr } = runWith(['--debug', '--log', log, '--log-format', 'json'], badOption)
    expect(stderr).toMatch(/^tsrun: run .*EINVAL.*\n$/)
    const records = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(records.filter(({ level }) => level === 'debug').length).toBeGreaterThan(10)
    expect(records.at(-1)).toMatchObject({ level: 'error', msg: expect.stringContaining('EINVAL') })
    expect(records.some(({ msg }) => msg.includes('failed: fsconfig('))).toBe(true)
  })

  test('a command that makes nothing can be traced', () => {
    const file = join(makeDirectory(), 'trace.json')
    expect(oci(['list', '-q', '--trace', file])).toMatchObject({ status: 0, stdout: '' })
    expect(events(file).some(({ name }) => name === 'list')).toBe(true)
  })
})
